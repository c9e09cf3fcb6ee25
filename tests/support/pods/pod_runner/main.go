// Runs one pod the way a kubelet does, through the container runtime interface (CRI), and removes it.
//
//	pod_runner SOCKET < pod.json
//
// Standard input holds {"images": [...], "sandbox": PodSandboxConfig, "containers": [ContainerConfig, ...]}, the
// configurations in protobuf's JSON. Images are pulled, the sandbox is started, then one container after the other; the
// first that fails ends it. The logs are where the configurations say. SIGTERM stops the running container as a deleted
// pod's (SIGTERM, 30 s, SIGKILL), SIGINT kills it at once.
//
// Standard output gets one JSON object: {"exits": [{"code": 0, "reason": "Completed", "message": ""}, ...]}.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/encoding/protojson"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

type exit struct {
	Code    int32  `json:"code"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

type request struct {
	Images     []string          `json:"images"`
	Sandbox    json.RawMessage   `json:"sandbox"`
	Containers []json.RawMessage `json:"containers"`
}

func main() {
	exits, err := run()
	if err != nil {
		fmt.Fprintln(os.Stderr, "pod_runner:", err)
		os.Exit(1)
	}
	json.NewEncoder(os.Stdout).Encode(map[string]any{"exits": exits})
}

func run() (exits []exit, err error) {
	if len(os.Args) != 2 {
		return nil, fmt.Errorf("usage: pod_runner SOCKET < pod.json")
	}
	var wanted request
	if err := json.NewDecoder(os.Stdin).Decode(&wanted); err != nil {
		return nil, fmt.Errorf("reading the pod: %w", err)
	}
	sandbox := &cri.PodSandboxConfig{}
	if err := protojson.Unmarshal(wanted.Sandbox, sandbox); err != nil {
		return nil, fmt.Errorf("reading the sandbox: %w", err)
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	connection, err := grpc.NewClient("unix://"+os.Args[1], grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	ctx := context.Background()
	runtime, images := cri.NewRuntimeServiceClient(connection), cri.NewImageServiceClient(connection)
	for _, name := range wanted.Images {
		if _, err := images.PullImage(ctx, &cri.PullImageRequest{Image: &cri.ImageSpec{Image: name}}); err != nil {
			return nil, fmt.Errorf("pulling %s: %w", name, err)
		}
	}
	started, err := runtime.RunPodSandbox(ctx, &cri.RunPodSandboxRequest{Config: sandbox})
	if err != nil {
		return nil, fmt.Errorf("starting the sandbox: %w", err)
	}
	id := started.PodSandboxId
	defer func() {
		_, stopped := runtime.StopPodSandbox(ctx, &cri.StopPodSandboxRequest{PodSandboxId: id})
		_, removed := runtime.RemovePodSandbox(ctx, &cri.RemovePodSandboxRequest{PodSandboxId: id})
		for _, failure := range []error{stopped, removed} {
			if err == nil && failure != nil {
				err = fmt.Errorf("removing the sandbox: %w", failure)
			}
		}
	}()
	for _, raw := range wanted.Containers {
		config := &cri.ContainerConfig{}
		if err := protojson.Unmarshal(raw, config); err != nil {
			return nil, fmt.Errorf("reading a container: %w", err)
		}
		ended, err := runContainer(ctx, runtime, id, config, sandbox, signals)
		if err != nil {
			return nil, err
		}
		exits = append(exits, ended)
		if ended.Code != 0 {
			break
		}
	}
	return exits, nil
}

func runContainer(ctx context.Context, runtime cri.RuntimeServiceClient, pod string, config *cri.ContainerConfig,
	sandbox *cri.PodSandboxConfig, signals <-chan os.Signal) (exit, error) {
	created, err := runtime.CreateContainer(ctx,
		&cri.CreateContainerRequest{PodSandboxId: pod, Config: config, SandboxConfig: sandbox})
	if err != nil {
		return exit{}, fmt.Errorf("creating %s: %w", config.Metadata.Name, err)
	}
	id := created.ContainerId
	if _, err := runtime.StartContainer(ctx, &cri.StartContainerRequest{ContainerId: id}); err != nil {
		// As a kubelet reports it: StartError.
		return exit{Code: 128, Reason: "StartError", Message: err.Error()}, nil
	}
	for {
		answer, err := runtime.ContainerStatus(ctx, &cri.ContainerStatusRequest{ContainerId: id})
		if err != nil {
			return exit{}, fmt.Errorf("watching %s: %w", config.Metadata.Name, err)
		}
		if status := answer.Status; status.State == cri.ContainerState_CONTAINER_EXITED {
			return exit{Code: status.ExitCode, Reason: status.Reason, Message: status.Message}, nil
		}
		select {
		case caught := <-signals:
			grace := int64(30)
			if caught == syscall.SIGINT {
				grace = 0
			}
			go runtime.StopContainer(ctx, &cri.StopContainerRequest{ContainerId: id, Timeout: grace})
		case <-time.After(10 * time.Millisecond):
		}
	}
}
