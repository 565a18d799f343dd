"""Every figure that osetra draws: records in, Plotly figures out, for the report and for notebooks alike.

    curves       curves
    ladder       ladder
    layers       layers
    events       event_counts
    range_test   range_test
    one_trial    curve
    searching    leaderboard, importance, parallel, scatter
    outcome      bias_variance, references, confusion, residuals, calibration
    where        slices, worst_rows, boundary, learning_curve
    dependence   partial_dependence

A figure that cannot be drawn from what it is given raises StudyError, which says what is missing. Each figure carries its own words:
`title_of` and `text_of` (in `theme`) give what it is and what it shows, with the main numbers, for those who cannot see it.
Importing this package loads none of it.
"""
