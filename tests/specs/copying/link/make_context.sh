mkdir t; echo t > t/f; touch -d @900000000 t/f; tar -C t -cf t.tar --owner=3 --group=4 f; rm -r t
