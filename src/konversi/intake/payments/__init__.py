"""The payment providers' doors: how each signs, what each tells, and what is done with it."""
