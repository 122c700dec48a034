-- What must hold whoever writes: the tree of grids, the lifecycle, history that only grows, changes made known.

-- A grid has one parent on the level above, a code that follows the deployment's rule, lies inside its parent and
-- overlaps no sibling. Slivers under 1 m² are rounding.
CREATE FUNCTION grid_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    levels CONSTANT text[] := ARRAY['street', 'community', 'quarter', 'building'];
    depth int := array_position(levels, NEW.level);
    rule deployment;
    parent grid;
    shared int;
    other text;
BEGIN
    SELECT * INTO rule FROM deployment;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'a grid needs a deployment' USING ERRCODE = 'check_violation';
    END IF;
    IF length(NEW.code) <> rule.code_lengths[depth] OR NOT starts_with(NEW.code, rule.county_code) THEN
        RAISE EXCEPTION 'grid code % does not follow the rule of level %', NEW.code, NEW.level
            USING ERRCODE = 'check_violation';
    END IF;
    IF NOT ST_IsValid(NEW.geom) THEN
        RAISE EXCEPTION 'grid % is not a valid polygon: %', NEW.code, ST_IsValidReason(NEW.geom)
            USING ERRCODE = 'check_violation';
    END IF;
    IF depth > 1 THEN
        SELECT * INTO parent FROM grid WHERE code = NEW.parent_code;
        IF parent.level IS DISTINCT FROM levels[depth - 1] THEN
            RAISE EXCEPTION 'grid % needs a parent of level %', NEW.code, levels[depth - 1]
                USING ERRCODE = 'check_violation';
        END IF;
        -- The digits shared with the parent: all of the longest level above whose codes are shorter than this one's.
        SELECT max(n) INTO shared FROM unnest(rule.code_lengths) AS n WHERE n < rule.code_lengths[depth];
        IF left(NEW.code, shared) <> left(parent.code, shared) THEN
            RAISE EXCEPTION 'grid code % does not continue %', NEW.code, left(parent.code, shared)
                USING ERRCODE = 'check_violation';
        END IF;
        IF ST_Area(ST_Difference(NEW.geom, parent.geom)::geography) > 1 THEN
            RAISE EXCEPTION 'grid % leaves its parent %', NEW.code, parent.code USING ERRCODE = 'check_violation';
        END IF;
    END IF;
    SELECT code INTO other
    FROM grid
    WHERE parent_code = NEW.code AND ST_Area(ST_Difference(geom, NEW.geom)::geography) > 1
    ORDER BY code
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'grid % leaves its child % outside', NEW.code, other USING ERRCODE = 'check_violation';
    END IF;
    SELECT code INTO other
    FROM grid
    WHERE level = NEW.level AND code <> NEW.code AND parent_code IS NOT DISTINCT FROM NEW.parent_code
        AND geom && NEW.geom AND ST_Area(ST_Intersection(geom, NEW.geom)::geography) > 1
    ORDER BY code
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'grid % overlaps %', NEW.code, other USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER grid_guard AFTER INSERT OR UPDATE ON grid
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION grid_guard();

-- The lifecycle, as `governance.lifecycle` has it.
INSERT INTO lifecycle_transition (from_status, to_status) VALUES
    ('accepted', 'dispatched'),
    ('accepted', 'merged'),
    ('accepted', 'rejected'),
    ('accepted', 'suspended'),
    ('accepted', 'transferred'),
    ('closed', 'accepted'),
    ('dispatched', 'accepted'),
    ('dispatched', 'processing'),
    ('dispatched', 'returned'),
    ('processing', 'resolved'),
    ('processing', 'returned'),
    ('processing', 'suspended'),
    ('reported', 'accepted'),
    ('reported', 'merged'),
    ('reported', 'rejected'),
    ('resolved', 'closed'),
    ('resolved', 'processing'),
    ('returned', 'dispatched'),
    ('returned', 'suspended'),
    ('returned', 'transferred'),
    ('suspended', 'accepted'),
    ('transferred', 'resolved'),
    ('transferred', 'returned');

-- An incident begins as reported and moves only along the lifecycle. Whoever owns the tables may load history.
CREATE FUNCTION incident_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.is_open := NEW.status NOT IN ('closed', 'rejected', 'merged');
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> 'reported' AND current_user = 'gridcommand_app' THEN
            RAISE EXCEPTION 'an incident begins as reported' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF NEW.status <> OLD.status AND NOT EXISTS (
        SELECT FROM lifecycle_transition WHERE from_status = OLD.status AND to_status = NEW.status
    ) THEN
        RAISE EXCEPTION 'the lifecycle has no step from % to %', OLD.status, NEW.status
            USING ERRCODE = 'check_violation';
    END IF;
    NEW.version := OLD.version + 1;
    RETURN NEW;
END $$;
CREATE TRIGGER incident_guard BEFORE INSERT OR UPDATE ON incident FOR EACH ROW EXECUTE FUNCTION incident_guard();

-- A step carries the hash of the step before it and of itself, so that a changed or missing one shows.
CREATE FUNCTION incident_step_hash(previous bytea, step incident_step) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
    SELECT sha256(coalesce(previous, ''::bytea) || convert_to(jsonb_build_array(
        step.incident_id, step.action, step.from_status, step.to_status, step.actor, step.actor_name,
        extract(epoch FROM step.at), step.opinion)::text, 'UTF8'))
$$;
CREATE FUNCTION incident_step_chain() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT s.hash INTO NEW.previous_hash
    FROM incident_step AS s
    WHERE s.incident_id = NEW.incident_id
    ORDER BY s.id DESC
    LIMIT 1;
    NEW.hash := incident_step_hash(NEW.previous_hash, NEW);
    RETURN NEW;
END $$;
CREATE TRIGGER incident_step_chain BEFORE INSERT ON incident_step
    FOR EACH ROW EXECUTE FUNCTION incident_step_chain();

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% only grows', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER incident_step_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON incident_step
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- One notice per table and transaction (PostgreSQL folds equal payloads): `db.feed` raises the layers' revisions.
CREATE FUNCTION notify_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('changes', TG_TABLE_NAME);
    RETURN NULL;
END $$;
DO $$
DECLARE
    watched text;
BEGIN
    FOREACH watched IN ARRAY ARRAY['grid', 'building', 'place', 'device', 'worker', 'responder', 'incident',
                                   'incident_step', 'assignment', 'reported_figure', 'deployment']
    LOOP
        EXECUTE format('CREATE TRIGGER notify_change AFTER INSERT OR UPDATE OR DELETE ON %I '
                       'FOR EACH STATEMENT EXECUTE FUNCTION notify_change()', watched);
    END LOOP;
END $$;
