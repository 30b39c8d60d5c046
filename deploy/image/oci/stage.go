// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	docker "github.com/moby/docker-image-spec/specs-go/v1"
)

// A stage is one of a Dockerfile that only copies files and says how to run them.
type stage struct {
	copies []copied
	config docker.DockerOCIImageConfig
}

// A copied is a COPY out of the stage that builds: a layer.
type copied struct {
	sources []string // below /image
	to      string   // a folder
	owner   int
}

// lastStage reads the last stage of a Dockerfile, with these values of its ARGs. An instruction that it does
// not know is an error: the image would be another one than Docker's.
func lastStage(dockerfile string, values map[string]string) (stage, error) {
	last := strings.LastIndex("\n"+dockerfile, "\nFROM ")
	if last < 0 {
		return stage{}, errors.New("no FROM")
	}
	var s stage
	for line := range strings.Lines(dockerfile[last:]) {
		line = strings.TrimSpace(line)
		instruction, rest, _ := strings.Cut(line, " ")
		if err := s.read(instruction, strings.TrimSpace(rest), values); err != nil {
			return stage{}, fmt.Errorf("%q: %w", line, err)
		}
	}
	return s, nil
}

func (s *stage) read(instruction, rest string, values map[string]string) error {
	switch instruction {
	case "ENV", "EXPOSE", "VOLUME", "USER":
		if strings.ContainsAny(rest, `"'[\$`) {
			return errors.New("write it plainly: Docker would read quotes, lists and variables")
		}
	}
	switch config := &s.config; instruction {
	case "", "#", "ARG":
		return nil
	case "FROM":
		if !strings.HasPrefix(rest, "scratch ") {
			return errors.New("the last stage is not from scratch")
		}
		return nil
	case "COPY":
		return s.readCopy(rest)
	case "ENV":
		config.Env = append(config.Env, rest)
		return nil
	case "LABEL":
		key, value, _ := strings.Cut(rest, "=")
		if config.Labels == nil {
			config.Labels = map[string]string{}
		}
		config.Labels[key] = os.Expand(strings.Trim(value, `"`), func(name string) string { return values[name] })
		return nil
	case "EXPOSE":
		config.ExposedPorts = map[string]struct{}{}
		for port := range strings.FieldsSeq(rest) {
			if !strings.Contains(port, "/") {
				port += "/tcp"
			}
			config.ExposedPorts[port] = struct{}{}
		}
		return nil
	case "VOLUME":
		config.Volumes = map[string]struct{}{rest: {}}
		return nil
	case "USER":
		config.User = rest
		return nil
	case "HEALTHCHECK":
		return s.readHealthcheck(rest)
	case "ENTRYPOINT":
		return json.Unmarshal([]byte(rest), &config.Entrypoint)
	case "CMD":
		return json.Unmarshal([]byte(rest), &config.Cmd)
	default:
		return errors.New("this instruction is not known here")
	}
}

// instructionFlags are those of an instruction, which writes them as --name=value.
func instructionFlags() *flag.FlagSet {
	flags := flag.NewFlagSet("", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	return flags
}

func (s *stage) readCopy(rest string) error {
	flags := instructionFlags()
	from := flags.String("from", "", "")
	owner := flags.String("chown", "0:0", "")
	if err := flags.Parse(strings.Fields(rest)); err != nil {
		return err
	}
	user, group, _ := strings.Cut(*owner, ":")
	id, err := strconv.Atoi(user)
	if err != nil || user != group {
		return fmt.Errorf("--chown=%s: write the same number twice", *owner)
	}
	paths := flags.Args()
	if *from != "build" || len(paths) < 2 || !strings.HasSuffix(paths[len(paths)-1], "/") {
		return errors.New("write COPY --from=build SOURCE... FOLDER/")
	}
	c := copied{to: paths[len(paths)-1], owner: id}
	for _, source := range paths[:len(paths)-1] {
		path, ok := strings.CutPrefix(source, "/image/")
		if !ok {
			return fmt.Errorf("%s is not below /image", source)
		}
		c.sources = append(c.sources, path)
	}
	s.copies = append(s.copies, c)
	return nil
}

func (s *stage) readHealthcheck(rest string) error {
	options, command, ok := strings.Cut(rest, "CMD ")
	if !ok {
		return errors.New("no CMD")
	}
	var check docker.HealthcheckConfig
	flags := instructionFlags()
	flags.DurationVar(&check.Interval, "interval", 0, "")
	flags.DurationVar(&check.Timeout, "timeout", 0, "")
	flags.DurationVar(&check.StartPeriod, "start-period", 0, "")
	flags.IntVar(&check.Retries, "retries", 0, "")
	if err := flags.Parse(strings.Fields(options)); err != nil {
		return err
	}
	var args []string
	if err := json.Unmarshal([]byte(command), &args); err != nil {
		return err
	}
	check.Test = append([]string{"CMD"}, args...)
	s.config.Healthcheck = &check
	return nil
}
