"""The web page: one page, made by the server, that reads without JavaScript and works under any prefix.

It shows what the API answers (``view`` puts it together) and passes orders on as the API does (``forms``).
"""

from api.page.login import take_login
from api.page.routes import OPEN, ROOT, blueprint

__all__ = ["OPEN", "ROOT", "blueprint", "take_login"]
