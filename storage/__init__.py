"""Where turns, money and bytes are kept.

``engine`` opens the database and runs its transactions, ``schema`` and ``migrations`` give it its
shape. ``turns`` and ``ledger`` implement the ports TurnStore and Ledger over it.
"""
