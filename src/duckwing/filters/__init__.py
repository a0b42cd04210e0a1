"""Pushed-down predicates: their tree, and what can be done with it."""
