package audit

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// file is an audit log on disk. An append goes on where it ends: a last line that was
// cut off by a crash is taken away first.
type file struct {
	path string
	at   Head  // of its last line
	size int64 // with which at was read; another size: it is read again
}

// BrokenError says that a file and the chain do not go together.
type BrokenError struct {
	Path string
	What string
}

// Error says what to do.
func (e *BrokenError) Error() string {
	return fmt.Sprintf("%s %s: keep the file, compare it with the output of revokebot audit export, "+
		"and move it away to have it written anew", e.Path, e.What)
}

// follow appends what the chain has and the file has not, each batch on the disk before the next.
func (f *file) follow(ctx context.Context, store Store) (err error) {
	out, err := os.OpenFile(f.path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("audit file: %w", err)
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	if err := f.find(out); err != nil {
		return err
	}
	for {
		lines, err := store.Lines(ctx, f.at.N, batchLines)
		if err != nil {
			return err
		}
		if len(lines) == 0 {
			return f.reaches(ctx, store)
		}
		if err := f.fits(lines[0]); err != nil {
			return err
		}
		if err := f.append(out, lines); err != nil {
			f.size = -1
			return fmt.Errorf("audit file: %w", err)
		}
	}
}

// fits says whether a line is the one that follows. A file without a line begins wherever the chain
// does.
func (f *file) fits(text string) error {
	l, _, _, err := readLine(text)
	switch {
	case err != nil:
		return &BrokenError{f.path, fmt.Sprintf("ends with line %d, and what follows in Redis is no line", f.at.N)}
	case f.at.N > 0 && l.N != f.at.N+1:
		return &BrokenError{f.path, fmt.Sprintf("ends with line %d, and Redis goes on with line %d", f.at.N, l.N)}
	case f.at.N > 0 && l.Prev != f.at.Hash:
		return &BrokenError{f.path, fmt.Sprintf("ends with line %d, and line %d in Redis does not follow that", f.at.N, l.N)}
	default:
		return nil
	}
}

// reaches says whether a chain that has no more lines ends where the file does.
func (f *file) reaches(ctx context.Context, store Store) error {
	head, err := store.Head(ctx)
	switch {
	case err != nil:
		return err
	case head.N < f.at.N:
		return &BrokenError{f.path, fmt.Sprintf("ends with line %d, and Redis with line %d", f.at.N, head.N)}
	case head.N == f.at.N && f.at.N > 0 && head.Hash != f.at.Hash:
		return &BrokenError{f.path, fmt.Sprintf("and Redis end with line %d, and the two lines differ", f.at.N)}
	default:
		return nil
	}
}

func (f *file) append(out *os.File, lines []string) error {
	text := strings.Join(lines, "\n") + "\n"
	if _, err := out.WriteAt([]byte(text), f.size); err != nil {
		return err
	}
	if err := out.Sync(); err != nil {
		return err
	}
	f.size += int64(len(text))
	at, err := HeadOf(lines[len(lines)-1])
	f.at = at
	return err
}

// find reads the end of the file, unless it is as it was left.
func (f *file) find(out *os.File) error {
	info, err := out.Stat()
	if err != nil {
		return fmt.Errorf("audit file: %w", err)
	}
	if f.size == info.Size() {
		return nil
	}
	f.at, f.size = Head{}, -1
	last, end := "", int64(0)
	for in := bufio.NewReader(io.NewSectionReader(out, 0, info.Size())); ; {
		text, err := readText(in)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return &BrokenError{f.path, "cannot be read: " + err.Error()}
		}
		last, end = text, end+int64(len(text))+1
	}
	if end < info.Size() { // it was cut off in the middle of a line
		if err := out.Truncate(end); err != nil {
			return fmt.Errorf("audit file: %w", err)
		}
	}
	if end > 0 {
		if f.at, err = HeadOf(strings.TrimPrefix(last, byteOrderMark)); err != nil {
			return &BrokenError{f.path, "ends with something that is no line of an audit log"}
		}
	}
	f.size = end
	return nil
}
