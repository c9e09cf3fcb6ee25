touch -d @900000000 old
