"""One experiment: the runner that drives flows over engines, executors and worker processes, the recorder."""
