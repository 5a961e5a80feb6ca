"""The terminal as a chat platform: one person, files in and files out."""
