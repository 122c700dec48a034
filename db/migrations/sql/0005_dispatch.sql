-- Dispatch, lifecycle and deadlines in full: run cards, crews, departments, pauses, extensions, appeals.

-- The policy and its run cards. ---------------------------------------------------------------------------------------
ALTER TABLE dispatch_policy
    ADD COLUMN rest_s INTEGER NOT NULL DEFAULT 0,
    ADD COLUMN acknowledge_s INTEGER NOT NULL DEFAULT 300,
    ADD COLUMN excludes_stale BOOLEAN NOT NULL DEFAULT false,
    ADD COLUMN mode TEXT NOT NULL DEFAULT 'walk',
    ADD COLUMN ring_s INTEGER NOT NULL DEFAULT 600,
    ADD COLUMN note TEXT NOT NULL DEFAULT '',
    ADD CONSTRAINT ck_dispatch_policy_mode CHECK (mode IN ('walk', 'ebike', 'car')),
    ADD CONSTRAINT ck_dispatch_policy_spans CHECK (rest_s >= 0 AND acknowledge_s > 0 AND ring_s >= 0);
ALTER TABLE dispatch_policy
    ALTER COLUMN rest_s DROP DEFAULT, ALTER COLUMN acknowledge_s DROP DEFAULT, ALTER COLUMN excludes_stale DROP DEFAULT,
    ALTER COLUMN mode DROP DEFAULT, ALTER COLUMN ring_s DROP DEFAULT, ALTER COLUMN note DROP DEFAULT;

CREATE TABLE run_card (
	policy_id BIGINT NOT NULL,
	class_code TEXT NOT NULL,
	line SMALLINT NOT NULL,
	people SMALLINT NOT NULL,
	posts TEXT[] NOT NULL,
	origins TEXT[] NOT NULL,
	skills INTEGER[],
	pools TEXT[] NOT NULL,
	cap SMALLINT,
	max_distance_m INTEGER,
	freshness_s INTEGER,
	rest_s INTEGER,
	CONSTRAINT pk_run_card PRIMARY KEY (policy_id, class_code, line),
	CONSTRAINT ck_run_card_people CHECK (people BETWEEN 1 AND 10),
	CONSTRAINT ck_run_card_line CHECK (line BETWEEN 1 AND 10),
	CONSTRAINT ck_run_card_positive CHECK (cap > 0 AND max_distance_m > 0 AND freshness_s > 0 AND rest_s >= 0),
	CONSTRAINT fk_run_card_policy_id FOREIGN KEY(policy_id) REFERENCES dispatch_policy (id),
	CONSTRAINT fk_run_card_class_code FOREIGN KEY(class_code) REFERENCES incident_class (code)
);

-- Responders know the grids above their post, so that each ring is one KNN. -------------------------------------------
-- The ids of a grid and all above it, and the grid's own once more with a minus: who is posted at it and not below.
CREATE FUNCTION grid_areas(of text) RETURNS integer[] LANGUAGE sql STABLE AS $$
    WITH RECURSIVE chain AS (
        SELECT g.id, g.parent_code, 0 AS height FROM grid AS g WHERE g.code = of
        UNION ALL
        SELECT g.id, g.parent_code, c.height + 1 FROM chain AS c JOIN grid AS g ON g.code = c.parent_code
    )
    SELECT array_agg(id::int ORDER BY height) || array_agg(-id::int) FILTER (WHERE height = 0) FROM chain
$$;
DROP INDEX ix_responder_dispatch;
DROP INDEX ix_responder_ring;
ALTER TABLE responder
    ADD COLUMN areas INTEGER[], ADD COLUMN post TEXT, ADD COLUMN origin TEXT,
    ADD COLUMN finished_at TIMESTAMP WITH TIME ZONE;
UPDATE responder AS r
SET areas = grid_areas(r.grid_code), post = w.post, origin = w.origin
FROM worker AS w
WHERE w.id = r.worker_id;
ALTER TABLE responder
    ALTER COLUMN areas SET NOT NULL, ALTER COLUMN post SET NOT NULL, ALTER COLUMN origin SET NOT NULL;
CREATE INDEX ix_responder_dispatch ON responder USING gist (point, areas gist__int_ops, skills gist__int_ops)
    WHERE on_duty AND load < cap;
CREATE INDEX ix_responder_finished_at ON responder (finished_at);

CREATE FUNCTION responder_fill() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.areas := grid_areas(NEW.grid_code);
    SELECT w.post, w.origin INTO NEW.post, NEW.origin FROM worker AS w WHERE w.id = NEW.worker_id;
    RETURN NEW;
END $$;
CREATE TRIGGER responder_fill BEFORE INSERT ON responder
    FOR EACH ROW WHEN (NEW.areas IS NULL OR NEW.post IS NULL OR NEW.origin IS NULL) EXECUTE FUNCTION responder_fill();
CREATE TRIGGER responder_moved BEFORE UPDATE OF grid_code ON responder
    FOR EACH ROW WHEN (NEW.grid_code <> OLD.grid_code) EXECUTE FUNCTION responder_fill();
CREATE FUNCTION grid_moved() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    UPDATE responder SET areas = grid_areas(grid_code) WHERE areas @> ARRAY[NEW.id::int];
    RETURN NULL;
END $$;
CREATE TRIGGER grid_moved AFTER UPDATE OF parent_code ON grid
    FOR EACH ROW WHEN (NEW.parent_code IS DISTINCT FROM OLD.parent_code) EXECUTE FUNCTION grid_moved();

-- Crews: an incident has one active assignment a slot, slot 1 being the lead. -----------------------------------------
ALTER TABLE assignment
    ADD COLUMN slot SMALLINT NOT NULL DEFAULT 1,
    ADD COLUMN eta_s INTEGER,
    ADD COLUMN acknowledge_by TIMESTAMP WITH TIME ZONE,
    ADD COLUMN end_reason TEXT NOT NULL DEFAULT '',
    ADD COLUMN request_key TEXT,
    DROP CONSTRAINT ck_assignment_status,
    ADD CONSTRAINT ck_assignment_status CHECK (status IN
        ('sent', 'acknowledged', 'arrived', 'done', 'refused', 'withdrawn', 'timed_out', 'handed_over')),
    ADD CONSTRAINT ck_assignment_slot CHECK (slot BETWEEN 1 AND 100);
ALTER TABLE assignment ALTER COLUMN slot DROP DEFAULT, ALTER COLUMN end_reason DROP DEFAULT;
DROP INDEX uq_assignment_active_incident;
CREATE UNIQUE INDEX uq_assignment_active_slot ON assignment (incident_id, slot) WHERE ended_at IS NULL;
CREATE UNIQUE INDEX uq_assignment_active_pair ON assignment (incident_id, worker_id) WHERE ended_at IS NULL;
CREATE UNIQUE INDEX uq_assignment_request_key ON assignment (incident_id, request_key, slot);
CREATE INDEX ix_assignment_acknowledge_by ON assignment (acknowledge_by)
    WHERE ended_at IS NULL AND acknowledged_at IS NULL;

ALTER TABLE recommendation ADD COLUMN shortfalls JSONB NOT NULL DEFAULT '[]';
ALTER TABLE recommendation ALTER COLUMN shortfalls DROP DEFAULT;

-- What a matter carries along its way. --------------------------------------------------------------------------------
CREATE TABLE department (
	code TEXT NOT NULL,
	name TEXT NOT NULL,
	CONSTRAINT pk_department PRIMARY KEY (code),
	CONSTRAINT uq_department_name UNIQUE (name)
);
CREATE TABLE work_spell (
	opens TIME WITHOUT TIME ZONE NOT NULL,
	closes TIME WITHOUT TIME ZONE NOT NULL,
	CONSTRAINT pk_work_spell PRIMARY KEY (opens),
	CONSTRAINT ck_work_spell_order CHECK (opens < closes)
);
INSERT INTO work_spell (opens, closes) VALUES ('08:00', '12:00'), ('14:00', '18:00');

ALTER TABLE incident_class
    ADD COLUMN needs_check BOOLEAN NOT NULL DEFAULT false,
    ADD COLUMN needs_photo BOOLEAN NOT NULL DEFAULT false;
ALTER TABLE incident_class ALTER COLUMN needs_check DROP DEFAULT, ALTER COLUMN needs_photo DROP DEFAULT;

ALTER TABLE incident
    ADD COLUMN parent_id BIGINT,
    ADD COLUMN merged_into BIGINT,
    ADD COLUMN department_code TEXT,
    ADD COLUMN confirmed_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN stage_since TIMESTAMP WITH TIME ZONE,
    ADD COLUMN warn_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN very_late_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN limit_amount NUMERIC,
    ADD COLUMN limit_clock TEXT,
    ADD COLUMN remaining_s DOUBLE PRECISION,
    ADD COLUMN returned_by TEXT,
    ADD COLUMN resume_by TIMESTAMP WITH TIME ZONE,
    ADD COLUMN suspensions SMALLINT NOT NULL DEFAULT 0,
    ADD COLUMN extensions SMALLINT NOT NULL DEFAULT 0,
    ADD COLUMN reworks SMALLINT NOT NULL DEFAULT 0,
    ADD COLUMN is_satisfied BOOLEAN,
    ADD COLUMN is_exempt BOOLEAN NOT NULL DEFAULT false,
    ADD CONSTRAINT fk_incident_parent_id FOREIGN KEY(parent_id) REFERENCES incident (id),
    ADD CONSTRAINT fk_incident_merged_into FOREIGN KEY(merged_into) REFERENCES incident (id),
    ADD CONSTRAINT fk_incident_department_code FOREIGN KEY(department_code) REFERENCES department (code),
    ADD CONSTRAINT ck_incident_limit CHECK (limit_amount > 0 AND limit_clock IN
        ('urgent_hour', 'work_hour', 'work_day', 'calendar_day')),
    ADD CONSTRAINT ck_incident_counts CHECK (suspensions >= 0 AND reworks >= 0 AND extensions BETWEEN 0 AND 2),
    ADD CONSTRAINT ck_incident_own_parent CHECK (parent_id <> id AND merged_into <> id),
    ADD CONSTRAINT ck_incident_paused CHECK (remaining_s IS NULL OR status IN ('suspended', 'returned'));
UPDATE incident AS i
SET limit_amount = c.limit_amount, limit_clock = c.limit_clock,
    stage_since = coalesce((SELECT s.at FROM incident_step AS s WHERE s.incident_id = i.id AND
        s.to_status IS DISTINCT FROM s.from_status ORDER BY s.id DESC LIMIT 1), i.reported_at)
FROM incident_class AS c
WHERE c.code = i.class_code;
UPDATE incident SET warn_at = due_at - 0.2 * (due_at - stage_since), very_late_at = stage_since + 3 * (due_at - stage_since)
WHERE due_at > stage_since;
UPDATE incident SET warn_at = due_at WHERE due_at <= stage_since;
ALTER TABLE incident
    ALTER COLUMN stage_since SET NOT NULL, ALTER COLUMN limit_amount SET NOT NULL, ALTER COLUMN limit_clock SET NOT NULL,
    ALTER COLUMN suspensions DROP DEFAULT, ALTER COLUMN extensions DROP DEFAULT, ALTER COLUMN reworks DROP DEFAULT,
    ALTER COLUMN is_exempt DROP DEFAULT;
CREATE INDEX ix_incident_parent_id ON incident (parent_id);
CREATE INDEX ix_incident_merged_into ON incident (merged_into);

CREATE TABLE extension_request (
	id BIGINT GENERATED BY DEFAULT AS IDENTITY,
	incident_id BIGINT NOT NULL,
	asked_by TEXT NOT NULL,
	asked_by_name TEXT NOT NULL,
	asked_at TIMESTAMP WITH TIME ZONE NOT NULL,
	reason TEXT NOT NULL,
	decided_by TEXT,
	decided_at TIMESTAMP WITH TIME ZONE,
	is_granted BOOLEAN,
	opinion TEXT NOT NULL,
	CONSTRAINT pk_extension_request PRIMARY KEY (id),
	CONSTRAINT ck_extension_request_decided CHECK ((decided_by IS NULL) = (is_granted IS NULL)
		AND (decided_by IS NULL) = (decided_at IS NULL)),
	CONSTRAINT ck_extension_request_other CHECK (decided_by <> asked_by),
	CONSTRAINT fk_extension_request_incident_id FOREIGN KEY(incident_id) REFERENCES incident (id)
);
CREATE UNIQUE INDEX uq_extension_request_open ON extension_request (incident_id) WHERE decided_by IS NULL;
CREATE INDEX ix_extension_request_incident_id ON extension_request (incident_id);

CREATE TABLE appeal (
	id BIGINT GENERATED BY DEFAULT AS IDENTITY,
	incident_id BIGINT NOT NULL,
	asked_by TEXT NOT NULL,
	asked_by_name TEXT NOT NULL,
	asked_at TIMESTAMP WITH TIME ZONE NOT NULL,
	reason TEXT NOT NULL,
	first_by TEXT,
	first_at TIMESTAMP WITH TIME ZONE,
	first_granted BOOLEAN,
	first_opinion TEXT NOT NULL,
	second_by TEXT,
	second_at TIMESTAMP WITH TIME ZONE,
	second_granted BOOLEAN,
	second_opinion TEXT NOT NULL,
	CONSTRAINT pk_appeal PRIMARY KEY (id),
	CONSTRAINT ck_appeal_first CHECK ((first_by IS NULL) = (first_granted IS NULL) AND first_by <> asked_by),
	CONSTRAINT ck_appeal_second CHECK ((second_by IS NULL) = (second_granted IS NULL) AND second_by <> asked_by
		AND second_by <> first_by AND (second_by IS NULL OR first_granted IS TRUE)),
	CONSTRAINT uq_appeal_incident_id UNIQUE (incident_id),
	CONSTRAINT fk_appeal_incident_id FOREIGN KEY(incident_id) REFERENCES incident (id)
);

-- The lifecycle's further ways. ---------------------------------------------------------------------------------------
INSERT INTO lifecycle_transition (from_status, to_status) VALUES
    ('merged', 'reported'),
    ('processing', 'dispatched'),
    ('rejected', 'reported'),
    ('resolved', 'transferred'),
    ('returned', 'merged'),
    ('transferred', 'suspended');

CREATE OR REPLACE FUNCTION incident_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    is_app CONSTANT boolean := current_user = 'gridcommand_app';
BEGIN
    NEW.is_open := NEW.status NOT IN ('closed', 'rejected', 'merged');
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> 'reported' AND is_app THEN
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
    IF is_app THEN
        IF (NEW.no, NEW.reported_at) IS DISTINCT FROM (OLD.no, OLD.reported_at) THEN
            RAISE EXCEPTION 'number and report of an incident never change' USING ERRCODE = 'check_violation';
        END IF;
        IF NEW.status <> OLD.status AND (
            (NEW.status = 'merged' AND NEW.merged_into IS NULL)
            OR (NEW.status = 'transferred' AND NEW.department_code IS NULL)
            OR (NEW.status = 'suspended' AND (NEW.resume_by IS NULL OR NEW.remaining_s IS NULL))
            OR (NEW.status = 'resolved' AND NEW.resolved_at IS NULL)
            OR (NEW.status = 'closed' AND (NEW.closed_at IS NULL OR NEW.resolved_at IS NULL))
        ) THEN
            RAISE EXCEPTION 'an incident lacks what status % asks for', NEW.status USING ERRCODE = 'check_violation';
        END IF;
        IF NEW.status = 'closed' AND OLD.status <> 'closed'
            AND EXISTS (SELECT FROM incident WHERE parent_id = NEW.id AND is_open) THEN
            RAISE EXCEPTION 'a part of this incident is open' USING ERRCODE = 'check_violation';
        END IF;
    END IF;
    NEW.version := OLD.version + 1;
    RETURN NEW;
END $$;

-- When a transaction of the product ends, status, history and assignments of an incident agree.
-- As the owner, so that what the session may see doesn't decide whether they do.
CREATE FUNCTION incident_agrees(which bigint) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public
AS $$
DECLARE
    current text;
    exempt boolean;
    last text;
    has_lead boolean;
BEGIN
    SELECT status, is_exempt INTO current, exempt FROM incident WHERE id = which;
    SELECT to_status INTO last FROM incident_step WHERE incident_id = which ORDER BY id DESC LIMIT 1;
    IF last IS DISTINCT FROM current THEN
        RAISE EXCEPTION 'incident % stands at % and its history at %', which, current, last
            USING ERRCODE = 'check_violation';
    END IF;
    IF exempt AND NOT EXISTS (SELECT FROM appeal WHERE incident_id = which AND first_granted AND second_granted) THEN
        RAISE EXCEPTION 'incident % is exempt without an appeal that two people granted', which
            USING ERRCODE = 'check_violation';
    END IF;
    has_lead := EXISTS (SELECT FROM assignment WHERE incident_id = which AND slot = 1 AND ended_at IS NULL);
    IF (current IN ('dispatched', 'processing')) <> has_lead
        OR (NOT has_lead AND EXISTS (SELECT FROM assignment WHERE incident_id = which AND ended_at IS NULL)) THEN
        RAISE EXCEPTION 'incident % stands at % and its assignments say otherwise', which, current
            USING ERRCODE = 'check_violation';
    END IF;
END $$;
CREATE FUNCTION incident_agreement() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_user = 'gridcommand_app' THEN
        PERFORM incident_agrees(NEW.id);
    END IF;
    RETURN NULL;
END $$;
-- Of a row that belongs to an incident.
CREATE FUNCTION part_agreement() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_user = 'gridcommand_app' THEN
        PERFORM incident_agrees(NEW.incident_id);
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER incident_agreement AFTER INSERT OR UPDATE OF status, is_exempt ON incident
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION incident_agreement();
CREATE CONSTRAINT TRIGGER assignment_agreement AFTER INSERT OR UPDATE ON assignment
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION part_agreement();
CREATE CONSTRAINT TRIGGER incident_step_agreement AFTER INSERT ON incident_step
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION part_agreement();

-- A step of the product begins where the last one ended, and leads along the lifecycle or stays where it is.
CREATE FUNCTION incident_step_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    last text;
BEGIN
    IF current_user <> 'gridcommand_app' THEN
        RETURN NEW;
    END IF;
    SELECT s.to_status INTO last
    FROM incident_step AS s
    WHERE s.incident_id = NEW.incident_id
    ORDER BY s.id DESC
    LIMIT 1;
    IF NEW.from_status IS DISTINCT FROM last THEN
        RAISE EXCEPTION 'a step from % can''t follow one to %', NEW.from_status, last USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.from_status IS DISTINCT FROM NEW.to_status
        AND NOT (NEW.from_status IS NULL AND NEW.to_status = 'reported')
        AND NOT EXISTS (
            SELECT FROM lifecycle_transition WHERE from_status = NEW.from_status AND to_status = NEW.to_status
        ) THEN
        RAISE EXCEPTION 'the lifecycle has no step from % to %', NEW.from_status, NEW.to_status
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER incident_step_guard BEFORE INSERT ON incident_step
    FOR EACH ROW EXECUTE FUNCTION incident_step_guard();

-- Who may see and write what is new. ----------------------------------------------------------------------------------
GRANT SELECT ON run_card, department, work_spell, extension_request, appeal TO gridcommand_app;
GRANT INSERT ON dispatch_policy, run_card TO gridcommand_app;
GRANT INSERT, UPDATE ON extension_request, appeal TO gridcommand_app;
-- The number of a step is the database's: steps are told in its order.
REVOKE INSERT ON incident_step FROM gridcommand_app;
GRANT INSERT (incident_id, action, from_status, to_status, actor, actor_name, at, opinion, hash, previous_hash)
    ON incident_step TO gridcommand_app;
ALTER TABLE extension_request ENABLE ROW LEVEL SECURITY;
CREATE POLICY extension_request_read ON extension_request FOR SELECT
    USING (EXISTS (SELECT FROM incident WHERE incident.id = extension_request.incident_id));
CREATE POLICY extension_request_add ON extension_request FOR INSERT
    WITH CHECK (EXISTS (SELECT FROM incident WHERE incident.id = extension_request.incident_id)
                AND app_role() IN ('officer', 'dispatcher', 'admin', 'system'));
CREATE POLICY extension_request_decide ON extension_request FOR UPDATE
    USING (EXISTS (SELECT FROM incident WHERE incident.id = extension_request.incident_id)
           AND app_role() IN ('dispatcher', 'admin', 'system'));
ALTER TABLE appeal ENABLE ROW LEVEL SECURITY;
CREATE POLICY appeal_read ON appeal FOR SELECT
    USING (EXISTS (SELECT FROM incident WHERE incident.id = appeal.incident_id));
CREATE POLICY appeal_add ON appeal FOR INSERT
    WITH CHECK (EXISTS (SELECT FROM incident WHERE incident.id = appeal.incident_id)
                AND app_role() IN ('officer', 'dispatcher', 'admin', 'system'));
CREATE POLICY appeal_decide ON appeal FOR UPDATE
    USING (EXISTS (SELECT FROM incident WHERE incident.id = appeal.incident_id)
           AND app_role() IN ('dispatcher', 'admin', 'system'));

-- The map shows the lead.
CREATE OR REPLACE VIEW layer.incidents AS
SELECT i.id AS fid, i.no AS code, i.no, i.title, i.class_code AS class, c.name AS class_name, c.major_code AS major,
    i.severity, i.status, i.source, i.is_open, i.is_outside_grid, i.grid_code, g.name AS grid_name, i.address,
    i.reported_at, i.due_at, mask_name(w.full_name) AS worker,
    CASE WHEN app_reads_personal() THEN w.full_name END AS worker_full_name, i.geom
FROM incident AS i
JOIN incident_class AS c ON c.code = i.class_code
JOIN grid AS g ON g.code = i.grid_code
LEFT JOIN assignment AS a ON a.incident_id = i.id AND a.ended_at IS NULL AND a.slot = 1
LEFT JOIN worker AS w ON w.id = a.worker_id;
