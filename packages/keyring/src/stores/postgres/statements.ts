/** Everything that is asked of PostgreSQL. Names are looked up in the search path of the connection. */

/** Whoever writes the ring tells who listens here. */
export const CHANNEL = 'keyturn_ring'

/** The version of the tables. */
export const SCHEMA_VERSION = 1

/** 'keyturn' as a number: who creates the tables waits for who else does. */
const SCHEMA_LOCK = 0x6b657974

/**
 * One implicit transaction, since it is sent as one message. `keyturn_installation` has its row from the first moment on, so
 * that tables without it have lost something.
 */
export const CREATE_TABLES = `
  SELECT pg_advisory_xact_lock(${SCHEMA_LOCK});
  CREATE TABLE IF NOT EXISTS keyturn_installation (
    id smallint PRIMARY KEY CHECK (id = 1),
    schema_version integer NOT NULL,
    ring_id text,
    generation bigint NOT NULL
  );
  CREATE TABLE IF NOT EXISTS keyturn_rings (
    generation bigint PRIMARY KEY,
    body bytea NOT NULL,
    is_set_aside boolean NOT NULL DEFAULT false
  );
  INSERT INTO keyturn_installation (id, schema_version, generation) VALUES (1, ${SCHEMA_VERSION}, 0)
    ON CONFLICT DO NOTHING`

/** Milliseconds since the epoch, by the clock of the database. */
const NOW = '(extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now'

/** What the clock of the database says, where there are no tables yet. */
export const READ_CLOCK = `SELECT ${NOW}`

/** The newest ring, by the clock of the database; a body of null where it is gone. */
export const READ_RING = `
  SELECT schema_version, ring_id, generation, body, ${NOW}
  FROM keyturn_installation LEFT JOIN keyturn_rings USING (generation)`

/** Held until the connection ends. Of the ring that the search path finds; another one in the same place waits too, in vain. */
export const TAKE_TURN = `SELECT pg_advisory_lock(${SCHEMA_LOCK}, hashtext(current_schema()))`

/**
 * The swap, and what goes with it, in one statement: whatever becomes of the connection, all of it happens or nothing. $1 the
 * generation that must be the newest, of the ring $7 (null: of none) or, by $8, of any; $2 the next one, $3 its ring, $4 its body, $5 the last moment at which it may take effect
 * (milliseconds, by the clock of the database), $6 whether older generations go.
 */
export const SWAP = `
  WITH swapped AS (
    UPDATE keyturn_installation SET generation = $2, ring_id = $3
    WHERE generation = $1 AND ($8::boolean OR ring_id IS NOT DISTINCT FROM $7::text)
      AND clock_timestamp() <= to_timestamp($5::float8 / 1000)
    RETURNING generation
  ), added AS (
    INSERT INTO keyturn_rings (generation, body) SELECT generation, $4 FROM swapped
    ON CONFLICT (generation) DO UPDATE SET body = excluded.body
  ), dropped AS (
    DELETE FROM keyturn_rings
    WHERE $6::boolean AND NOT is_set_aside AND generation NOT IN ($1, $2) AND EXISTS (SELECT FROM swapped)
  )
  SELECT pg_notify('${CHANNEL}', generation::text) FROM swapped`

/** No write drops what is there now. */
export const SET_ASIDE = 'UPDATE keyturn_rings SET is_set_aside = true'

/** Says in a database that has lost everything which ring it had: nobody begins anew there in silence. */
export const MARK_LOST = `
  UPDATE keyturn_installation SET ring_id = $1, generation = $2 WHERE ring_id IS NULL AND generation = 0`
