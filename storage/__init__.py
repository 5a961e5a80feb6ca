"""Where turns, money and bytes are kept.

``engine`` opens the database and runs its transactions, ``schema`` and ``migrations`` give it its
shape. ``turns``, ``ledger`` and ``journal`` implement the ports TurnStore, Ledger and Journal over
it.
"""
