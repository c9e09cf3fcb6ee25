mkdir d; echo x > owned; echo y > d/in
chown 33:44 owned d
chown 1000:1000 d/in
