// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

// A process is a program that runs until it is stopped; what it says is in a file.
type process struct {
	name string
	cmd  *exec.Cmd
	done chan struct{}
}

// start runs the program in the scene's folder and waits until its URL is answered with 200.
func (s *scene) start(ctx context.Context, name, ready string, env []string, program string, args ...string) error {
	log, err := os.Create(filepath.Join(s.folder, name+".log"))
	if err != nil {
		return err
	}
	cmd := exec.Command(s.programs[program], args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = s.folder, append(os.Environ(), env...), log, log
	if err := cmd.Start(); err != nil {
		return errors.Join(err, log.Close())
	}
	p := &process{name, cmd, make(chan struct{})}
	s.processes = append(s.processes, p)
	go func() {
		_ = cmd.Wait()
		_ = log.Close()
		close(p.done)
	}()
	return eventually(ctx, 2*time.Minute, "started "+name, func() error {
		select {
		case <-p.done:
			return fmt.Errorf("ended: %s", cmd.ProcessState)
		default:
		}
		_, err := get(ctx, ready)
		return err
	})
}

// stop ends all, the last first, gracefully where that does not take long.
func (s *scene) stop() {
	if s.story != nil {
		_ = s.story.Close()
	}
	for _, p := range slices.Backward(s.processes) {
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-p.done:
		case <-time.After(10 * time.Second):
			_ = p.cmd.Process.Kill()
			<-p.done
		}
	}
}

// get returns the body of a good answer.
func get(ctx context.Context, url string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	return do(request)
}

func do(request *http.Request) ([]byte, error) {
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	if response.StatusCode/100 != 2 {
		return nil, fmt.Errorf("%s answered %s: %.300s", request.URL, response.Status, body)
	}
	return body, nil
}
