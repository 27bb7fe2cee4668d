"""Which claims were used already; each is forgotten once it has run out."""

from contract.claims import LEEWAY_SECONDS, Claim

_MOST = 10_000


class SpentClaims:
    """Remembers a claim's id and the dispatch that spent it, until the claim runs out.

    The same dispatch may be offered again after its agent failed; another dispatch with the same
    claim is a replay. Full of claims that still live, it takes every new one for spent.
    """

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._spent: dict[str, tuple[str, int]] = {}

    def __len__(self) -> int:
        return len(self._spent)

    def was_spent(self, jti: str, dispatch_id: str) -> bool:
        """Tell whether another dispatch has used this claim."""
        if jti in self._spent:
            return self._spent[jti][0] != dispatch_id
        return len(self._spent) >= self._most

    def spend(self, claim: Claim, dispatch_id: str, now: float) -> None:
        """Remember an accepted claim, and forget those that are over; `now` in Unix seconds."""
        over = [jti for jti, (_, exp) in self._spent.items() if exp + LEEWAY_SECONDS < now]
        for jti in over:
            del self._spent[jti]
        self._spent[claim.jti] = (dispatch_id, claim.exp)
