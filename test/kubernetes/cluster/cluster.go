// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package cluster runs a Kubernetes control plane without containers: the real etcd, API server, controller manager and
// scheduler, built from their Go modules, and kwok, which plays the kubelets of three nodes. Pods are admitted,
// scheduled and said to be running; nothing runs in them. Its tests have it take everything in deploy/.
package cluster

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/otelcol-sre/otelcol-sre/test/kubernetes"
	"github.com/otelcol-sre/otelcol-sre/test/observed"
)

const controlPlane = "test/kubernetes/cluster/kubernetes"

// version is what the API server answers, and Helm asks.
const version = "-X k8s.io/component-base/version.gitVersion=v" + kubernetes.Version

var (
	etcd       = &kubernetes.Tool{Name: "etcd", Package: "go.etcd.io/etcd/server/v3", Module: "test/kubernetes/cluster/etcd"}
	apiServer  = &kubernetes.Tool{Name: "kube-apiserver", Package: "k8s.io/kubernetes/cmd/kube-apiserver", Module: controlPlane, Stamp: version}
	controller = &kubernetes.Tool{Name: "kube-controller-manager", Package: "k8s.io/kubernetes/cmd/kube-controller-manager", Module: controlPlane}
	scheduler  = &kubernetes.Tool{Name: "kube-scheduler", Package: "k8s.io/kubernetes/cmd/kube-scheduler", Module: controlPlane}
	kubectl    = &kubernetes.Tool{Name: "kubectl", Package: "k8s.io/kubernetes/cmd/kubectl", Module: controlPlane}
)

// A Cluster is a control plane on addresses of this machine. Its folder has the logs of its processes.
type Cluster struct {
	Folder string
	// Address is the API server's, and CA the file of the certificate that it shows.
	Address, CA string
	kubeconfig  string
	processes   []*exec.Cmd
}

// Start starts a cluster, whose state is in the folder, and waits until its nodes are ready.
func Start(folder string) (*Cluster, error) {
	c := &Cluster{Folder: folder, CA: filepath.Join(folder, "apiserver.crt"), kubeconfig: filepath.Join(folder, "kubeconfig")}
	for _, step := range []func() error{c.startStore, c.startServer, c.startControllers, c.startNodes} {
		if err := step(); err != nil {
			return nil, errors.Join(err, c.Stop())
		}
	}
	return c, nil
}

func (c *Cluster) startStore() error {
	client, peer := "http://"+freeAddress(), "http://"+freeAddress()
	if err := c.start(etcd, "--data-dir", filepath.Join(c.Folder, "etcd"), "--unsafe-no-fsync", "--log-level", "error",
		"--listen-client-urls", client, "--advertise-client-urls", client,
		"--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", "default="+peer); err != nil {
		return err
	}
	c.Address = freeAddress()
	key, err := serviceAccountKey(filepath.Join(c.Folder, "service-accounts.key"))
	if err != nil {
		return err
	}
	tokens := filepath.Join(c.Folder, "tokens.csv")
	if err := os.WriteFile(tokens, []byte("admin,admin,admin,system:masters\n"), 0o600); err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(c.Address)
	if err != nil {
		return err
	}
	return c.start(apiServer, "--etcd-servers", client, "--bind-address", host, "--secure-port", port, "--cert-dir", c.Folder,
		"--endpoint-reconciler-type", "none", "--service-cluster-ip-range", "10.0.0.0/16",
		"--authorization-mode", "RBAC", "--token-auth-file", tokens,
		"--service-account-issuer", "https://kubernetes.default.svc", "--service-account-key-file", key, "--service-account-signing-key-file", key)
}

// startServer waits for the API server: the store and it are started together.
func (c *Cluster) startServer() error {
	for file, user := range map[string]string{c.kubeconfig: "{token: admin}", c.anonymous(): "{}"} {
		config := fmt.Sprintf(`{apiVersion: v1, kind: Config, current-context: test,
clusters: [{name: test, cluster: {server: "https://%s", insecure-skip-tls-verify: true}}],
users: [{name: user, user: %s}], contexts: [{name: test, context: {cluster: test, user: user}}]}`, c.Address, user)
		if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
			return err
		}
	}
	return Within(time.Minute, func() error {
		_, err := c.Kubectl(nil, "get", "--raw", "/readyz")
		return err
	})
}

func (c *Cluster) startControllers() error {
	key := filepath.Join(c.Folder, "service-accounts.key")
	return errors.Join(
		c.start(controller, "--kubeconfig", c.kubeconfig, "--leader-elect=false", "--secure-port", "0",
			"--service-account-private-key-file", key, "--root-ca-file", c.CA),
		c.start(scheduler, "--kubeconfig", c.kubeconfig, "--leader-elect=false", "--secure-port", "0"))
}

// startNodes has kwok play three nodes in three zones, with volumes for whoever claims one.
func (c *Cluster) startNodes() error {
	stages, err := kwokStages()
	if err != nil {
		return err
	}
	args := []string{"--kubeconfig", c.kubeconfig, "--manage-all-nodes", "--node-lease-duration-seconds", "40", "--server-address", freeAddress()}
	for _, stage := range stages {
		args = append(args, "--config", stage)
	}
	if err := c.start(kubernetes.Kwok, args...); err != nil {
		return err
	}
	var objects strings.Builder
	for i := range 3 {
		fmt.Fprintf(&objects, `---
{apiVersion: v1, kind: Node, metadata: {name: node-%[1]d, labels: {kubernetes.io/hostname: node-%[1]d, topology.kubernetes.io/zone: zone-%[1]d}},
status: {allocatable: {cpu: 8, memory: 32Gi, pods: 110, ephemeral-storage: 100Gi}, capacity: {cpu: 8, memory: 32Gi, pods: 110, ephemeral-storage: 100Gi}}}
`, i)
	}
	for i := range 100 {
		fmt.Fprintf(&objects, `---
{apiVersion: v1, kind: PersistentVolume, metadata: {name: volume-%d}, spec: {capacity: {storage: 20Gi}, accessModes: [ReadWriteOnce], hostPath: {path: /volume}}}
`, i)
	}
	if _, err := c.Kubectl([]byte(objects.String()), "create", "-f", "-"); err != nil {
		return err
	}
	_, err = c.Kubectl(nil, "wait", "node", "--all", "--for=condition=Ready", "--timeout=60s")
	return err
}

// kwokStages are the files of kwok's module that say how nodes and pods come and go.
func kwokStages() ([]string, error) {
	folder, err := kubernetes.ModuleFolder("sigs.k8s.io/kwok@v0.8.0")
	if err != nil {
		return nil, err
	}
	var stages []string
	for _, pattern := range []string{"node/fast/node-*.yaml", "node/heartbeat-with-lease/node-*.yaml", "pod/fast/pod-*.yaml"} {
		files, err := filepath.Glob(filepath.Join(folder, "kustomize", "stage", pattern))
		if err != nil {
			return nil, err
		}
		stages = append(stages, files...)
	}
	return stages, nil
}

// Kubectl runs kubectl as the administrator, with standard input, and returns what it prints.
func (c *Cluster) Kubectl(input []byte, args ...string) ([]byte, error) {
	return kubectl.RunWith(input, []string{"KUBECONFIG=" + c.kubeconfig}, args...)
}

// anonymous is a configuration of kubectl for who brings a token.
func (c *Cluster) anonymous() string { return c.kubeconfig + ".anonymous" }

// Helm runs helm as the administrator.
func (c *Cluster) Helm(args ...string) ([]byte, error) {
	return kubernetes.Helm.RunWith(nil, []string{"KUBECONFIG=" + c.kubeconfig}, args...)
}

// Stop ends the processes, the last to be started first.
func (c *Cluster) Stop() error {
	var errs error
	for _, v := range slices.Backward(c.processes) {
		errs = errors.Join(errs, v.Process.Kill())
		_ = v.Wait() // it was killed
	}
	return errs
}

// start starts a process that writes to a log named after it.
func (c *Cluster) start(tool *kubernetes.Tool, args ...string) error {
	path, err := tool.Path()
	if err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(c.Folder, tool.Name+".log"))
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // the process has its own
	cmd := exec.Command(path, args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // it does not outlive a test that is ended
	if err := cmd.Start(); err != nil {
		return err
	}
	c.processes = append(c.processes, cmd)
	return nil
}

// serviceAccountKey writes the key that signs tokens of service accounts.
func serviceAccountKey(file string) (string, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return "", err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	return file, os.WriteFile(file, text, 0o600)
}

// Within tries until it succeeds, and returns the last failure if it does not in time.
func Within(limit time.Duration, try func() error) error {
	deadline := time.Now().Add(limit)
	for {
		err := try()
		if err == nil || time.Now().After(deadline) {
			return err
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// freeAddress is one of this machine that nobody listens on. It is given once, and is none that a connection or a test beside gets by chance.
func freeAddress() string {
	address, err := observed.FreeAddress()
	if err != nil {
		panic(err)
	}
	return address
}
