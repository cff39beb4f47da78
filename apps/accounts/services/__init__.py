from apps.accounts.services.roles import roles_ensure
from apps.accounts.services.users import user_ensure

__all__ = ["roles_ensure", "user_ensure"]
