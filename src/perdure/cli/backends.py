def register(program): pass
