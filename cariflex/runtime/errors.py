"""What can stop a start, said in words that name the cause and what to do."""


class StartError(Exception):
    """A start that cannot go on; `advice` is what the person at the keyboard can do about it."""

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice

    def __str__(self) -> str:
        return f"{self.message}\nWhat to do: {self.advice}" if self.advice else self.message
