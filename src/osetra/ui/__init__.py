"""The dashboard: see every study, steer any trial, in a browser.

It reads through the store's port and steers through the table of commands, so it is one more process beside whoever trains.
"""
