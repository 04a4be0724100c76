"""What Vercel calls: the gateway, which opens at the first call and stays for those that follow."""

from konversi.serverless import app

__all__ = ["app"]
