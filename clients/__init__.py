"""Clients of the API: generated ones, and the core of the phone app."""
