from apps.accounts.services.roles import roles_ensure
from apps.accounts.services.tokens import token_create, token_revoke, token_used
from apps.accounts.services.users import user_ensure

__all__ = ["roles_ensure", "token_create", "token_revoke", "token_used", "user_ensure"]
