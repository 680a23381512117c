"""How is the C++ core built, tested and measured without Python?"""
