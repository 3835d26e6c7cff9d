package study

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// childEnv makes the test binary run runStudy on "data cache out" and nothing else.
const childEnv = "LABRADOR_STUDY_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) == "" {
		os.Exit(m.Run())
	}
	if err := childStudy(os.Getenv("CHILD_DATA"), os.Getenv("CHILD_CACHE"), os.Getenv("CHILD_OUT")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func childStudy(data, cache, out string) error {
	s, err := parseText(runStudy)
	if err != nil {
		return err
	}
	p, err := NewPlan(context.Background(), s, Options{Folders: []string{data}, Cache: cache, Out: out, Threads: 2})
	if err != nil {
		return err
	}
	_, err = p.Run(context.Background())
	return err
}

func startChild(t *testing.T, data, cache, out string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), childEnv+"=1", "CHILD_DATA="+data, "CHILD_CACHE="+cache, "CHILD_OUT="+out)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}

// TestKill kills the study at random moments, in indexing, searching, measuring and writing, and starts it again on what is left, until
// it comes through. results.json must have the bytes of a study that nobody disturbed, and no file in the results may ever be half
// written.
func TestKill(t *testing.T) {
	data, cache, out := testData(t), t.TempDir(), t.TempDir()
	undisturbed := t.TempDir()
	start := time.Now()
	if err := startChild(t, data, t.TempDir(), undisturbed).Wait(); err != nil {
		t.Fatal(err)
	}
	whole := time.Since(start)
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 1))
	kills, times := 0, 10
	if testing.Short() {
		times = 3
	}
	for range times {
		cmd := startChild(t, data, cache, out)
		time.Sleep(time.Duration(random.Float64() * float64(whole)))
		cmd.Process.Kill()
		if cmd.Wait() != nil {
			kills++
		}
		for _, name := range []string{"results.json", "times.json"} {
			if got, err := os.ReadFile(filepath.Join(out, name)); err == nil && (len(got) == 0 || got[len(got)-2] != '}') {
				t.Fatalf("seed %d: %s is half written after kill %d", seed, name, kills)
			}
		}
	}
	if err := startChild(t, data, cache, out).Wait(); err != nil {
		t.Fatalf("seed %d: after %d kills: %v", seed, kills, err)
	}
	sameResults(t, fmt.Sprintf("seed %d: after %d kills", seed, kills), undisturbed, out)
	t.Logf("%d kills within %s", kills, whole)
}

// TestTwoAtOnce: several processes on one empty cache do not spoil each other's work.
func TestTwoAtOnce(t *testing.T) {
	data, cache, undisturbed := testData(t), t.TempDir(), t.TempDir()
	if err := startChild(t, data, t.TempDir(), undisturbed).Wait(); err != nil {
		t.Fatal(err)
	}
	var children []*exec.Cmd
	var outs []string
	for range 3 {
		outs = append(outs, t.TempDir())
		children = append(children, startChild(t, data, cache, outs[len(outs)-1]))
	}
	for i, c := range children {
		if err := c.Wait(); err != nil {
			t.Fatalf("process %d: %v", i, err)
		}
		sameResults(t, fmt.Sprintf("process %d", i), undisturbed, outs[i])
	}
	left, _ := filepath.Glob(filepath.Join(cache, "*", tmpPrefix+"*"))
	if len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func sameResults(t *testing.T, when, want, got string) {
	t.Helper()
	for _, pattern := range []string{"results.json", "runs/*", "values/*"} {
		files, _ := filepath.Glob(filepath.Join(want, pattern))
		if len(files) == 0 {
			t.Fatalf("no %s", pattern)
		}
		for _, file := range files {
			rel, _ := filepath.Rel(want, file)
			if read(t, file) != read(t, filepath.Join(got, rel)) {
				t.Errorf("%s: %s has other bytes", when, rel)
			}
		}
	}
}
