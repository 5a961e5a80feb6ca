"""Loopback stand-ins for the services that Threadpaint talks to; they know nothing of its code."""
