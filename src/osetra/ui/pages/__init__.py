"""The pages, one module each: `install(dashboard)` puts it at its address."""
