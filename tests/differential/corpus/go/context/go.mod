module example.com/svc

go 1.23

require (
	github.com/gorilla/mux v1.8.1
	golang.org/x/sync v0.8.0
)
