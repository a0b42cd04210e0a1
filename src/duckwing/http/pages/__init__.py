"""Pages for people: what the worker is, what is in it, how to attach it, and a SQL console (spec 02, section 18)."""
