"""Slack: the chat platform over slack-bolt, by Socket Mode or signed HTTP."""
