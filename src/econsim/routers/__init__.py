"""Handlers, one module for each domain word: parse, load, decide, publish; routers never import each other."""
