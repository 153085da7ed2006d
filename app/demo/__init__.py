"""The demo: a client of the service with a city, people and a winter morning of its own making."""
