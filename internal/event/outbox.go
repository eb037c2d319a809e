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

// schema: an event is written without number, so that transactions of several processes do not wait for each other. Who reads
// gives numbers to what is there (number): they have no gaps, and who has read 7 never sees a 6 appear. Ids alone would not do: one
// that was taken earlier may be committed later.
func schema() []string {
	return []string{`
CREATE TABLE events(id INTEGER PRIMARY KEY AUTOINCREMENT, seq BIGINT UNIQUE, time BIGINT NOT NULL, data TEXT NOT NULL);
CREATE INDEX events_new ON events(id) WHERE seq IS NULL;
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
	read := func(r db.Reader) (err error) { o.id, _, err = head(ctx, r); return err }
	err := d.Read(ctx, read)
	if err == nil && o.id == "" {
		err = d.Write(ctx, func(tx db.Tx) error {
			if _, err := tx.Exec(ctx, `INSERT INTO event_head(one, outbox, seq) VALUES(1, ?, 0) ON CONFLICT(one) DO NOTHING`, uuid.NewString()[:8]); err != nil {
				return err
			}
			return read(tx)
		})
	}
	if err != nil {
		return nil, fmt.Errorf("events: %w", err)
	}
	return o, nil
}

// head returns the outbox's id, "" if it has none yet, and the number of its newest event.
func head(ctx context.Context, r db.Reader) (id string, seq int64, err error) {
	err = r.Query(ctx, `SELECT outbox, seq FROM event_head WHERE one=1`, func(row db.Row) error { id, seq = row.Text(0), row.Int(1); return nil })
	return id, seq, err
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
	if _, err := tx.Exec(ctx, `INSERT INTO events(time, data) VALUES(?,?)`, e.Time.UnixNano(), string(data)); err != nil {
		return fmt.Errorf("event %s: %w", e.Type, err)
	}
	return nil
}

// number gives the events that have none yet the next numbers. What concerns one resource was written in the order of the ids, for
// transactions that change the same row do not overlap.
func (o *Outbox) number(ctx context.Context) error {
	news := false
	err := o.db.Read(ctx, func(r db.Reader) error {
		news = false
		return r.Query(ctx, `SELECT 1 FROM events WHERE seq IS NULL LIMIT 1`, func(db.Row) error { news = true; return nil })
	})
	if err != nil || !news {
		return err
	}
	return o.db.Write(ctx, func(tx db.Tx) error {
		n, err := tx.Exec(ctx, `UPDATE events SET seq=(SELECT seq FROM event_head WHERE one=1)+n.place
			FROM (SELECT id, row_number() OVER (ORDER BY id) AS place FROM events WHERE seq IS NULL) AS n WHERE events.id=n.id`)
		if err == nil && n > 0 {
			_, err = tx.Exec(ctx, `UPDATE event_head SET seq=seq+? WHERE one=1`, n)
		}
		return err
	})
}

// newest returns the number of the newest event.
func (o *Outbox) newest(ctx context.Context) (seq int64, err error) {
	if err := o.number(ctx); err != nil {
		return 0, err
	}
	err = o.db.Read(ctx, func(r db.Reader) error { _, seq, err = head(ctx, r); return err })
	return seq, err
}

// after returns the oldest events after a number, at most limit.
func (o *Outbox) after(ctx context.Context, seq int64, limit int) (out []Event, err error) {
	if err := o.number(ctx); err != nil {
		return nil, err
	}
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
	there := false
	err = o.db.Read(ctx, func(r db.Reader) error {
		there = false
		return r.Query(ctx, `SELECT seq FROM event_cursors WHERE consumer=?`, func(row db.Row) error { seq, there = row.Int(0), true; return nil }, consumer)
	})
	if err != nil || there {
		return seq, err
	}
	if seq, err = o.newest(ctx); err != nil {
		return 0, err
	}
	return seq, o.db.Write(ctx, func(tx db.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO event_cursors(consumer, seq) VALUES(?,?) ON CONFLICT(consumer) DO NOTHING`, consumer, seq)
		return err
	})
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
	newest, err := o.newest(ctx)
	if err != nil {
		return err
	}
	first, young := int64(0), newest+1
	err = o.db.Read(ctx, func(r db.Reader) error {
		each := func(row db.Row) error { first, young = row.Int(0), row.Int(1); return nil }
		return r.Query(ctx, `SELECT min(seq), COALESCE((SELECT min(seq) FROM events WHERE time>=?), ?) FROM events`, each, before.UnixNano(), newest+1)
	})
	upto := max(young-1, newest-count)
	for ; err == nil && first > 0 && first <= upto; first += chunk {
		err = o.db.Write(ctx, func(tx db.Tx) error {
			_, err := tx.Exec(ctx, `DELETE FROM events WHERE seq<=?`, min(upto, first+chunk-1))
			return err
		})
	}
	return err
}
