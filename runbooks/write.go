package runbooks

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/otelcol-sre/otelcol-sre/alerts"
	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// maxPage bounds a page that is read back, in bytes.
const maxPage = 8 << 20

// Write generates the pages of services into root/runbooks and says what there is to know. If any
// page cannot be written without losing notes, nothing is written. The pages of alerts that
// are gone are removed, or kept and marked where people wrote into them; folders of services that
// are not in files are left alone.
func Write(root string, files []alerts.File, o Options) ([]Report, error) {
	known := map[string]*catalog.Service{}
	var (
		reports []Report
		gone    []Page
	)
	for _, f := range files {
		if other, twice := known[f.Service.Name]; twice {
			reports = append(reports, problem(catalog.Error, f.Service.Position.File, f.Service.Position.Line,
				fmt.Sprintf("the runbooks of %q would overwrite those of the service of the same name in namespace %q", oneLine(f.Service.Name), oneLine(other.Namespace)),
				"generate them into different folders"))
		}
		known[f.Service.Name] = f.Service
		orphans, told, err := survey(root, f)
		if err != nil {
			return nil, err
		}
		gone, reports = append(gone, orphans...), append(reports, told...)
	}
	if catalog.Problems(reports).Err() != nil {
		return reports, nil
	}
	o.Known = func(service string) bool { return known[service] != nil }
	previous := func(path string) ([]byte, bool) { // surveyed: it can be read, or is not there
		text, err := readPage(filepath.Join(root, filepath.FromSlash(path)))
		return text, err == nil
	}
	for _, f := range files { // one service at a time: the pages of thousands need not fit into memory
		pages, told := Generate(f.Service, f.Alerts, previous, o)
		reports = append(reports, told...)
		if err := writeAll(root, pages); err != nil {
			return reports, err
		}
	}
	return reports, writeAll(root, gone)
}

func writeAll(root string, pages []Page) error {
	for _, p := range pages {
		if err := p.write(root); err != nil {
			return err
		}
	}
	return nil
}

// survey reads the pages that a service has, reports those that cannot be written again, and finds those
// whose alerts are gone: without Text, to be removed, if nobody wrote into them.
func survey(root string, f alerts.File) (gone []Page, reports []Report, err error) {
	current := map[string]bool{IndexPath(f.Service.Name): true}
	for _, a := range f.Alerts {
		current[Path(f.Service.Name, a.Name)] = true
	}
	folder := path.Dir(IndexPath(f.Service.Name))
	found, err := os.ReadDir(filepath.Join(root, filepath.FromSlash(folder)))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	for _, entry := range found {
		name := path.Join(folder, entry.Name())
		if path.Ext(name) != ".md" || !current[name] && !entry.Type().IsRegular() {
			continue
		}
		old, err := readPage(filepath.Join(root, filepath.FromSlash(name)))
		if err != nil {
			return nil, nil, err
		}
		if !Generated(old) {
			if current[name] {
				reports = append(reports, problem(catalog.Error, name, 0, "is there and was not generated", "move it away"))
			}
			continue
		}
		notes, broken := notesOf(name, old)
		reports = append(reports, broken...)
		switch {
		case current[name] || len(broken) > 0:
		case !written(notes):
			gone = append(gone, Page{Path: name})
		default:
			reports = append(reports, problem(catalog.Warning, name, notes[0].line,
				"the alert of this page is gone; the page is kept for its notes", "move the notes, then delete the page"))
			gone = append(gone, Page{name, []byte(orphaned(string(old)))})
		}
	}
	return gone, reports, nil
}

// written tells whether people wrote into any of the blocks.
func written(notes []note) bool {
	for _, n := range notes {
		if !bytes.Equal(n.content, []byte(hints[n.name]+"\n")) {
			return true
		}
	}
	return false
}

// Generated tells a page of ours from one that somebody wrote.
func Generated(page []byte) bool { return bytes.Contains(page, []byte(marker)) }

// Orphaned tells whether the page's alert is known to be gone.
func Orphaned(page []byte) bool { return bytes.HasPrefix(page, []byte(orphanMark)) }

// HashOf is the input hash in a page's header and its line; "" if there is none.
func HashOf(page []byte) (hash string, line int) {
	for text := range bytes.Lines(page) {
		line++
		if rest, ok := bytes.CutPrefix(text, []byte(hashMarker)); ok {
			hash, _, _ := strings.Cut(string(rest), " ")
			return hash, line
		}
	}
	return "", 0
}

// CheckNotes tells what is wrong with the notes markers of a page.
func CheckNotes(path string, page []byte) []Report {
	_, broken := notesOf(path, page)
	return broken
}

func readPage(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxPage {
		return nil, fmt.Errorf("%s: is no file of at most %d bytes; move it away", name, maxPage)
	}
	return os.ReadFile(name)
}

// write puts the page in place as a whole, or removes it if it has no text. What is as it should be
// is not touched.
func (p Page) write(root string) error {
	name := filepath.Join(root, filepath.FromSlash(p.Path))
	if p.Text == nil {
		return os.Remove(name)
	}
	if old, err := os.ReadFile(name); err == nil && bytes.Equal(old, p.Text) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	temporary, err := os.CreateTemp(filepath.Dir(name), ".runbook-*")
	if err != nil {
		return err
	}
	_, err = temporary.Write(p.Text)
	err = errors.Join(err, temporary.Chmod(0o644), temporary.Close())
	if err == nil {
		err = os.Rename(temporary.Name(), name)
	}
	if err != nil {
		err = errors.Join(err, os.Remove(temporary.Name()))
	}
	return err
}
