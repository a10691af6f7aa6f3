package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// File is what was told of a file.
type File struct {
	Folder     string // the engine's ID of it
	Path       string
	Content    uint64 // hash of what is in it
	Attributes uint64 // hash of its time and permissions
	Gone       bool   // it is not there any more
}

// Files returns what was told of files of a folder that are there, by path.
func (s *DB) Files(ctx context.Context, folder string, paths []string) (map[string]File, error) {
	stmt, err := s.db.PrepareContext(ctx, `SELECT content, attributes FROM files WHERE folder = ? AND path = ?`)
	if err != nil {
		return nil, fmt.Errorf("reading what was told of files: %w", err)
	}
	defer stmt.Close()
	found := make(map[string]File, len(paths))
	for _, path := range paths {
		var content, attributes int64
		err := stmt.QueryRowContext(ctx, folder, path).Scan(&content, &attributes)
		if errors.Is(err, sql.ErrNoRows) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading what was told of files: %w", err)
		}
		found[path] = File{Folder: folder, Path: path, Content: uint64(content), Attributes: uint64(attributes)}
	}
	return found, nil
}

func putFiles(ctx context.Context, tx *sql.Tx, files []File) error {
	if len(files) == 0 {
		return nil
	}
	put, err := tx.PrepareContext(ctx, `INSERT INTO files (folder, path, content, attributes) VALUES (?, ?, ?, ?)
		ON CONFLICT (folder, path) DO UPDATE SET content = excluded.content, attributes = excluded.attributes`)
	if err != nil {
		return err
	}
	forget, err := tx.PrepareContext(ctx, `DELETE FROM files WHERE folder = ? AND path = ?`)
	if err != nil {
		return err
	}
	for _, f := range files {
		if f.Gone {
			_, err = forget.ExecContext(ctx, f.Folder, f.Path)
		} else {
			_, err = put.ExecContext(ctx, f.Folder, f.Path, int64(f.Content), int64(f.Attributes))
		}
		if err != nil {
			return err
		}
	}
	return nil
}
