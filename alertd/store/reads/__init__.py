"""What the console and the API show: read-only questions to the tables, each one bounded.

Every question takes the asker's subtree as a path ("" is the whole city) and answers for that part
only. Figures come from the rollups (`delivery_count`, `coverage`), never from counting deliveries.
"""
