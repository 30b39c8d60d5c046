package runbooks

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
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
		pages   []Page
		reports []Report
		failed  error
	)
	for _, f := range files {
		if other, twice := known[f.Service.Name]; twice {
			reports = append(reports, problem(catalog.Error, f.Service.Position.File, f.Service.Position.Line,
				fmt.Sprintf("the runbooks of %q would overwrite those of the service of the same name in namespace %q", oneLine(f.Service.Name), oneLine(other.Namespace)),
				"generate them into different folders"))
		}
		known[f.Service.Name] = f.Service
	}
	o.Known = func(service string) bool { return known[service] != nil }
	previous := func(path string) ([]byte, bool) {
		text, err := readPage(filepath.Join(root, filepath.FromSlash(path)))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			failed = errors.Join(failed, err)
		}
		return text, err == nil
	}
	for _, f := range files {
		some, told := Generate(f.Service, f.Alerts, previous, o)
		pages, reports = append(pages, some...), append(reports, told...)
	}
	gone, told, err := orphans(root, files, pages)
	reports = append(reports, told...)
	if err = errors.Join(failed, err); err != nil || catalog.Problems(reports).Err() != nil {
		return reports, err
	}
	for _, p := range append(pages, gone...) {
		if err := p.write(root); err != nil {
			return reports, err
		}
	}
	return reports, nil
}

// orphans are the generated pages in the services' folders whose alerts are gone: without Text, to be
// removed, if nobody wrote into them.
func orphans(root string, files []alerts.File, pages []Page) ([]Page, []Report, error) {
	current := map[string]bool{}
	for _, p := range pages {
		current[p.Path] = true
	}
	var (
		gone    []Page
		reports []Report
	)
	for _, f := range files {
		for _, a := range f.Alerts { // left out for their broken notes, not gone
			current[Path(f.Service.Name, a.Name)] = true
		}
		current[IndexPath(f.Service.Name)] = true
		folder := Path(f.Service.Name, "*")
		found, err := os.ReadDir(filepath.Join(root, filepath.FromSlash(filepath.Dir(folder))))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, nil, err
		}
		for _, entry := range found {
			path := Path(f.Service.Name, strings.TrimSuffix(entry.Name(), ".md"))
			if current[path] || !entry.Type().IsRegular() || filepath.Ext(entry.Name()) != ".md" {
				continue
			}
			old, err := readPage(filepath.Join(root, filepath.FromSlash(path)))
			if err != nil {
				return nil, nil, err
			}
			if !Generated(old) {
				continue
			}
			notes, broken := notesOf(path, old)
			reports = append(reports, broken...)
			switch {
			case len(broken) > 0:
			case !written(notes):
				gone = append(gone, Page{Path: path})
			default:
				reports = append(reports, problem(catalog.Warning, path, notes[0].line,
					"the alert of this page is gone; the page is kept for its notes", "move the notes, then delete the page"))
				gone = append(gone, Page{path, []byte(orphaned(string(old)))})
			}
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
