"""Adapters: one folder for each foreign system, over the ports of ``bot``."""
