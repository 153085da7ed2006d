"""Groups of `paigong` commands and what they share; `app.cli` puts them together."""
