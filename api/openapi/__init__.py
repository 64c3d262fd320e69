"""The OpenAPI description of the API, made from its routes and types.

``described`` is what the calls say of themselves, ``schemas`` makes JSON Schema of types, ``document`` puts
the description together. ``python -m api.openapi`` prints it.
"""
