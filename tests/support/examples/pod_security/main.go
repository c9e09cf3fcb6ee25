// Says what Kubernetes' Pod Security admission has against a pod.
//
//	pod_security LEVEL VERSION < pod.json
package main

import (
	"encoding/json"
	"fmt"
	"os"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

func main() {
	allowed, err := evaluate(os.Args[1], os.Args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	if !allowed {
		os.Exit(1)
	}
}

func evaluate(levelName, versionName string) (bool, error) {
	level, err := api.ParseLevel(levelName)
	if err != nil {
		return false, err
	}
	version, err := api.ParseVersion(versionName)
	if err != nil {
		return false, err
	}
	var pod corev1.Pod
	decoder := json.NewDecoder(os.Stdin)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&pod); err != nil {
		return false, err
	}
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		return false, err
	}
	allowed := true
	for _, result := range evaluator.EvaluatePod(api.LevelVersion{Level: level, Version: version}, &pod.ObjectMeta, &pod.Spec) {
		if !result.Allowed {
			allowed = false
			fmt.Printf("%s: %s\n", result.ForbiddenReason, result.ForbiddenDetail)
		}
	}
	return allowed, nil
}
