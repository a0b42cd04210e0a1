"""A worker over HTTP: an ASGI application, its tokens and authentication, pages for people (spec 02)."""
