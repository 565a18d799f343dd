"""Tables and images: read, checked, split and prepared. Never hears of trials.

    read_table -> dataset -> split -> Preparation.fit -> inputs and targets

The modules are `sources`, `images`, `tables`, `split` and `prepare`; import from them. Importing this package loads none of them.
"""
