package event

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"opencloud/internal/identity"
	"opencloud/internal/platform/db"
)

// schema: numbers come from the one row of event_head and not from the database's own counter, so that they have the order of the
// commits: who has read number 7 never sees a 6 appear.
func schema() []string {
	return []string{`
CREATE TABLE events(seq BIGINT PRIMARY KEY, time BIGINT NOT NULL, data TEXT NOT NULL);
CREATE TABLE event_head(one BIGINT PRIMARY KEY, outbox TEXT NOT NULL, seq BIGINT NOT NULL);
CREATE TABLE event_cursors(consumer TEXT PRIMARY KEY, seq BIGINT NOT NULL);
`}
}

// Outbox is the events of one database.
type Outbox struct {
	db db.DB
	id string
}

// Open makes the tables, so that Append can be used in transactions of the database.
func Open(ctx context.Context, d db.DB) (*Outbox, error) {
	if err := d.Migrate(ctx, "event", schema()); err != nil {
		return nil, err
	}
	o := &Outbox{db: d}
	var err error
	if o.id, _, err = o.head(ctx); err == nil && o.id == "" {
		err = d.Write(ctx, func(tx db.Tx) error {
			_, err := tx.Exec(ctx, `INSERT INTO event_head(one, outbox, seq) VALUES(1, ?, 0) ON CONFLICT(one) DO NOTHING`, uuid.NewString()[:8])
			return err
		})
		if err == nil {
			o.id, _, err = o.head(ctx)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("events: %w", err)
	}
	return o, nil
}

// Append writes an event, which the transaction's change is, with the actor of the context. ID and Time are filled in.
func Append(ctx context.Context, tx db.Tx, e Event) error {
	a := identity.ActorFrom(ctx)
	e.ID, e.Actor, e.Initiator = "", a.User.ID, a.Initiator
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	e.Time, e.Expires = e.Time.UTC(), e.Expires.UTC()
	data, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("event %s: %w", e.Type, err)
	}
	seq := int64(0)
	err = tx.Query(ctx, `UPDATE event_head SET seq=seq+1 WHERE one=1 RETURNING seq`, func(r db.Row) error { seq = r.Int(0); return nil })
	if err == nil && seq == 0 {
		err = fmt.Errorf("the database has no outbox")
	}
	if err == nil {
		_, err = tx.Exec(ctx, `INSERT INTO events(seq, time, data) VALUES(?,?,?)`, seq, e.Time.UnixNano(), string(data))
	}
	if err != nil {
		return fmt.Errorf("event %s: %w", e.Type, err)
	}
	return nil
}

// head returns the outbox's id, "" if it has none yet, and the number of its newest event.
func (o *Outbox) head(ctx context.Context) (id string, seq int64, err error) {
	err = o.db.Read(ctx, func(r db.Reader) error {
		return r.Query(ctx, `SELECT outbox, seq FROM event_head WHERE one=1`, func(row db.Row) error { id, seq = row.Text(0), row.Int(1); return nil })
	})
	return id, seq, err
}

// after returns the oldest events after a number, at most limit.
func (o *Outbox) after(ctx context.Context, seq int64, limit int) (out []Event, err error) {
	err = o.db.Read(ctx, func(r db.Reader) error {
		out = nil
		return r.Query(ctx, `SELECT seq, data FROM events WHERE seq>? ORDER BY seq LIMIT ?`, func(row db.Row) error {
			var e Event
			if err := json.Unmarshal([]byte(row.Text(1)), &e); err != nil {
				return fmt.Errorf("event %d: %w", row.Int(0), err)
			}
			e.ID = eventID(o.id, row.Int(0))
			out = append(out, e)
			return nil
		}, seq, limit)
	})
	return out, err
}

// An event's id is that of its outbox and its number there.
func eventID(outbox string, seq int64) string { return outbox + "-" + strconv.FormatInt(seq, 10) }

func parseID(id string) (outbox string, seq int64) {
	outbox, n, _ := strings.Cut(id, "-")
	seq, _ = strconv.ParseInt(n, 10, 64)
	return outbox, seq
}

// place returns up to which number a consumer has been told. A new one begins with what comes next.
func (o *Outbox) place(ctx context.Context, consumer string) (seq int64, err error) {
	read := func(r db.Reader) (there bool, err error) {
		err = r.Query(ctx, `SELECT seq FROM event_cursors WHERE consumer=?`, func(row db.Row) error { seq, there = row.Int(0), true; return nil }, consumer)
		return there, err
	}
	there := false
	err = o.db.Read(ctx, func(r db.Reader) error { there, err = read(r); return err })
	if err != nil || there {
		return seq, err
	}
	err = o.db.Write(ctx, func(tx db.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO event_cursors(consumer, seq) SELECT CAST(? AS TEXT), seq FROM event_head WHERE one=1 ON CONFLICT(consumer) DO NOTHING`, consumer)
		if err == nil {
			_, err = read(tx)
		}
		return err
	})
	return seq, err
}

// passed writes down that a consumer has been told all up to a number.
func (o *Outbox) passed(ctx context.Context, consumer string, seq int64) error {
	return o.db.Write(ctx, func(tx db.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE event_cursors SET seq=? WHERE consumer=? AND seq<?`, seq, consumer, seq)
		return err
	})
}

// chunk is how many events are removed at once: other writers wait meanwhile.
const chunk = 2000

// prune removes the events before the first one that is not older than a time, and all but the newest count.
func (o *Outbox) prune(ctx context.Context, before time.Time, count int64) error {
	first, upto := int64(0), int64(0)
	err := o.db.Read(ctx, func(r db.Reader) error {
		each := func(row db.Row) error { first, upto = row.Int(0), row.Int(1); return nil }
		err := r.Query(ctx, `SELECT COALESCE((SELECT min(seq) FROM events), 0), COALESCE((SELECT min(seq)-1 FROM events WHERE time>=?), seq) FROM event_head WHERE one=1`,
			each, before.UnixNano())
		if err != nil {
			return err
		}
		return r.Query(ctx, `SELECT seq FROM event_head WHERE one=1`, func(row db.Row) error { upto = max(upto, row.Int(0)-count); return nil })
	})
	for ; err == nil && first > 0 && first <= upto; first += chunk {
		err = o.db.Write(ctx, func(tx db.Tx) error {
			_, err := tx.Exec(ctx, `DELETE FROM events WHERE seq<=?`, min(upto, first+chunk-1))
			return err
		})
	}
	return err
}
