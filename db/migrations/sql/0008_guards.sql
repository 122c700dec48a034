-- What the product's own role could still do by hand: history forged, decisions taken in others' names, facts rewritten.

-- Only what the product's commands change may be changed. -------------------------------------------------------------
REVOKE UPDATE ON incident, assignment, responder, extension_request, appeal FROM gridcommand_app;
GRANT UPDATE (status, parent_id, merged_into, department_code, returned_by, confirmed_at, accepted_at, dispatched_at,
    acknowledged_at, arrived_at, resolved_at, closed_at, stage_since, due_at, warn_at, very_late_at, settle_by, remaining_s,
    resume_by, suspensions, extensions, reworks, is_satisfied, is_supervised, is_exempt) ON incident TO gridcommand_app;
GRANT UPDATE (status, acknowledge_by, acknowledged_at, arrived_at, ended_at, end_reason) ON assignment
    TO gridcommand_app;
GRANT UPDATE (point, latest, positioned_at, raw_x, raw_y, raw_crs, on_duty, load, idle_since, finished_at, updated_at)
    ON responder TO gridcommand_app;
GRANT UPDATE (decided_by, decided_at, is_granted, opinion) ON extension_request TO gridcommand_app;
GRANT UPDATE (first_by, first_at, first_granted, first_opinion, second_by, second_at, second_granted, second_opinion)
    ON appeal TO gridcommand_app;

-- Who asks, as `db.session` says it.
CREATE FUNCTION app_account() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS
    $$ SELECT coalesce(current_setting('app.account', true), '') $$;

ALTER TABLE dispatch_policy ENABLE ROW LEVEL SECURITY;
CREATE POLICY dispatch_policy_read ON dispatch_policy FOR SELECT USING (true);
CREATE POLICY dispatch_policy_add ON dispatch_policy FOR INSERT
    WITH CHECK (app_role() IN ('admin', 'system') AND made_by = app_account());
ALTER TABLE run_card ENABLE ROW LEVEL SECURITY;
CREATE POLICY run_card_read ON run_card FOR SELECT USING (true);
CREATE POLICY run_card_add ON run_card FOR INSERT WITH CHECK (app_role() IN ('admin', 'system'));

-- Every step that there is, as `governance.lifecycle` has it; without `to_status` it leads nowhere else. --------------
-- Who comes along refuses, is passed over and hands over without the incident's moving.
CREATE TABLE lifecycle_step (
	action TEXT NOT NULL,
	from_status TEXT NOT NULL,
	to_status TEXT NOT NULL,
	CONSTRAINT pk_lifecycle_step PRIMARY KEY (action, from_status, to_status)
);
GRANT SELECT ON lifecycle_step TO gridcommand_app;
INSERT INTO lifecycle_step (action, from_status, to_status)
SELECT steps.action, here, coalesce(steps.leads_to, here)
FROM (VALUES
    ('accept', '{reported}', 'accepted'),
    ('acknowledge', '{dispatched}', NULL),
    ('appeal', '{closed}', NULL),
    ('arrive', '{dispatched}', 'processing'),
    ('confirm', '{reported}', NULL),
    ('deny', '{accepted,dispatched,processing,returned,suspended,transferred}', NULL),
    ('dispatch', '{accepted,returned}', 'dispatched'),
    ('extend', '{dispatched,processing,transferred}', NULL),
    ('grant', '{accepted,dispatched,processing,returned,suspended,transferred}', NULL),
    ('hand_over', '{dispatched,processing}', NULL),
    ('hand_over', '{processing}', 'dispatched'),
    ('merge', '{accepted,reported,returned}', 'merged'),
    ('reassign', '{dispatched}', NULL),
    ('reassign', '{processing}', 'dispatched'),
    ('refuse', '{dispatched,processing}', NULL),
    ('refuse', '{dispatched}', 'returned'),
    ('reinforce', '{dispatched,processing}', NULL),
    ('reject', '{accepted,reported}', 'rejected'),
    ('release', '{accepted,dispatched,processing,reported,resolved,returned,suspended,transferred}', NULL),
    ('reopen', '{closed}', 'accepted'),
    ('reopen', '{merged,rejected}', 'reported'),
    ('resolve', '{processing,transferred}', 'resolved'),
    ('resume', '{suspended}', 'accepted'),
    ('return', '{dispatched,processing,transferred}', 'returned'),
    ('review', '{closed}', NULL),
    ('rework', '{resolved}', 'processing'),
    ('split', '{accepted,dispatched,processing,reported,returned}', NULL),
    ('supervise', '{accepted,dispatched,processing,reported,resolved,returned,suspended,transferred}', NULL),
    ('suspend', '{accepted,processing,returned,transferred}', 'suspended'),
    ('time_out', '{dispatched,processing}', NULL),
    ('time_out', '{dispatched}', 'returned'),
    ('transfer', '{accepted,resolved,returned}', 'transferred'),
    ('verify', '{resolved}', 'closed'),
    ('withdraw', '{dispatched}', 'accepted')
) AS steps (action, froms, leads_to), unnest(steps.froms::text[]) AS here;

CREATE OR REPLACE FUNCTION incident_step_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    last incident_step;
BEGIN
    IF current_user <> 'gridcommand_app' THEN
        RETURN NEW;
    END IF;
    SELECT * INTO last FROM incident_step AS s WHERE s.incident_id = NEW.incident_id ORDER BY s.id DESC LIMIT 1;
    IF NEW.from_status IS DISTINCT FROM last.to_status THEN
        RAISE EXCEPTION 'a step from % can''t follow one to %', NEW.from_status, last.to_status
            USING ERRCODE = 'check_violation';
    END IF;
    IF NOT (NEW.from_status IS NULL AND NEW.to_status = 'reported' AND NEW.action = 'report') AND NOT EXISTS (
        SELECT FROM lifecycle_step AS l
        WHERE l.action = NEW.action AND l.from_status = NEW.from_status AND l.to_status = NEW.to_status
    ) THEN
        RAISE EXCEPTION 'the lifecycle has no step % from % to %', NEW.action, NEW.from_status, NEW.to_status
            USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.actor <> app_account() THEN
        RAISE EXCEPTION '% can''t take a step as %', app_account(), NEW.actor USING ERRCODE = 'check_violation';
    END IF;
    -- The clocks of two servers may differ a little, not by more.
    IF NEW.at < last.at - interval '5 minutes' THEN
        RAISE EXCEPTION 'a step of % can''t follow one of %', NEW.at, last.at USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION incident_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    is_app CONSTANT boolean := current_user = 'gridcommand_app';
    other incident;
BEGIN
    NEW.is_open := NEW.status NOT IN ('closed', 'rejected', 'merged');
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> 'reported' AND is_app THEN
            RAISE EXCEPTION 'an incident begins as reported' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    NEW.version := OLD.version + 1;
    IF NEW.status <> OLD.status AND NOT EXISTS (
        SELECT FROM lifecycle_transition WHERE from_status = OLD.status AND to_status = NEW.status
    ) THEN
        RAISE EXCEPTION 'the lifecycle has no step from % to %', OLD.status, NEW.status
            USING ERRCODE = 'check_violation';
    END IF;
    IF NOT is_app THEN
        RETURN NEW;
    END IF;
    IF NEW.parent_id IS DISTINCT FROM OLD.parent_id THEN
        SELECT * INTO other FROM incident WHERE id = NEW.parent_id FOR SHARE;
        IF OLD.parent_id IS NOT NULL OR NOT other.is_open OR OLD.status <> 'reported'
            OR EXISTS (SELECT FROM incident WHERE parent_id = NEW.id) THEN
            RAISE EXCEPTION 'a part is split off an open incident, once, as it is reported'
                USING ERRCODE = 'check_violation';
        END IF;
    END IF;
    IF NEW.suspensions - OLD.suspensions <> (NEW.status = 'suspended' AND OLD.status <> 'suspended')::int
        OR NEW.suspensions > 1 THEN
        RAISE EXCEPTION 'a matter is put off once' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.extensions > OLD.extensions + 1 OR (NEW.extensions < OLD.extensions AND OLD.is_open) THEN
        RAISE EXCEPTION 'extensions are granted one by one' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.status = OLD.status THEN
        RETURN NEW;
    END IF;
    IF (NEW.status = 'merged' AND NEW.merged_into IS NULL)
        OR (NEW.status = 'transferred' AND NEW.department_code IS NULL)
        OR (NEW.status = 'suspended' AND (NEW.resume_by IS NULL OR NEW.remaining_s IS NULL))
        OR (NEW.status = 'resolved' AND NEW.resolved_at IS NULL)
        OR (NEW.status = 'closed' AND (NEW.closed_at IS NULL OR NEW.resolved_at IS NULL)) THEN
        RAISE EXCEPTION 'an incident lacks what status % asks for', NEW.status USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.resolved_at < NEW.reported_at - interval '5 minutes' OR NEW.closed_at < NEW.resolved_at - interval '5 minutes'
    THEN
        RAISE EXCEPTION 'an incident ends after its report' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.status = 'accepted' AND OLD.status = 'reported' AND NEW.confirmed_at IS NULL
        AND (SELECT needs_check FROM incident_class WHERE code = NEW.class_code) THEN
        RAISE EXCEPTION 'this class is confirmed before it is accepted' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.status = 'merged' THEN
        SELECT * INTO other FROM incident WHERE id = NEW.merged_into;
        IF other.is_open IS NOT TRUE OR other.parent_id = NEW.id
            OR EXISTS (SELECT FROM incident WHERE merged_into = NEW.id AND id <> NEW.id) THEN
            RAISE EXCEPTION 'an incident is merged into an open one that is no part of it'
                USING ERRCODE = 'check_violation';
        END IF;
    END IF;
    IF NEW.status = 'closed' AND EXISTS (SELECT FROM incident WHERE parent_id = NEW.id AND is_open) THEN
        RAISE EXCEPTION 'a part of this incident is open' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.is_open AND NOT OLD.is_open AND NEW.parent_id IS NOT NULL THEN
        -- Held, so that the whole isn't closed at this moment.
        SELECT * INTO other FROM incident WHERE id = NEW.parent_id FOR SHARE;
        IF other.status = 'closed' THEN
            RAISE EXCEPTION 'the incident that this is a part of is closed' USING ERRCODE = 'check_violation';
        END IF;
    END IF;
    RETURN NEW;
END $$;

-- Of extensions no more than were granted; the rest as it was.
CREATE OR REPLACE FUNCTION incident_agrees(which bigint) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public AS $$
DECLARE
    this incident;
    last text;
    has_lead boolean;
BEGIN
    SELECT * INTO this FROM incident WHERE id = which;
    SELECT to_status INTO last FROM incident_step WHERE incident_id = which ORDER BY id DESC LIMIT 1;
    IF last IS DISTINCT FROM this.status THEN
        RAISE EXCEPTION 'incident % stands at % and its history at %', which, this.status, last
            USING ERRCODE = 'check_violation';
    END IF;
    IF this.is_exempt AND NOT EXISTS (
        SELECT FROM appeal WHERE incident_id = which AND first_granted AND second_granted
    ) THEN
        RAISE EXCEPTION 'incident % is exempt without an appeal that two people granted', which
            USING ERRCODE = 'check_violation';
    END IF;
    IF this.extensions > (SELECT count(*) FROM extension_request WHERE incident_id = which AND is_granted) THEN
        RAISE EXCEPTION 'incident % has an extension that nobody granted', which USING ERRCODE = 'check_violation';
    END IF;
    has_lead := EXISTS (SELECT FROM assignment WHERE incident_id = which AND slot = 1 AND ended_at IS NULL);
    IF (this.status IN ('dispatched', 'processing')) <> has_lead
        OR (NOT has_lead AND EXISTS (SELECT FROM assignment WHERE incident_id = which AND ended_at IS NULL)) THEN
        RAISE EXCEPTION 'incident % stands at % and its assignments say otherwise', which, this.status
            USING ERRCODE = 'check_violation';
    END IF;
END $$;
DROP TRIGGER incident_agreement ON incident;
CREATE CONSTRAINT TRIGGER incident_agreement AFTER INSERT OR UPDATE OF status, is_exempt, extensions ON incident
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION incident_agreement();

-- An assignment that ended stays as it ended.
CREATE FUNCTION assignment_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_user = 'gridcommand_app' THEN
        RAISE EXCEPTION 'an assignment that has ended stays as it is' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER assignment_guard BEFORE UPDATE ON assignment
    FOR EACH ROW WHEN (OLD.ended_at IS NOT NULL) EXECUTE FUNCTION assignment_guard();

-- Duty is changed by those in whose scope the responder is posted.
CREATE FUNCTION responder_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_user = 'gridcommand_app' AND NOT app_in_scope(OLD.grid_code) THEN
        RAISE EXCEPTION 'this responder is posted elsewhere' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER responder_guard BEFORE UPDATE OF on_duty ON responder
    FOR EACH ROW WHEN (OLD.on_duty <> NEW.on_duty) EXECUTE FUNCTION responder_guard();

-- More time is asked for and decided on in one's own name, once. ------------------------------------------------------
CREATE FUNCTION extension_request_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_user <> 'gridcommand_app' THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.asked_by <> app_account() OR NEW.decided_by IS NOT NULL THEN
            RAISE EXCEPTION 'an extension is asked for in one''s own name' USING ERRCODE = 'check_violation';
        END IF;
    ELSIF OLD.decided_by IS NOT NULL OR NEW.decided_by <> app_account() THEN
        RAISE EXCEPTION 'an extension is decided on once, in one''s own name' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER extension_request_guard BEFORE INSERT OR UPDATE ON extension_request
    FOR EACH ROW EXECUTE FUNCTION extension_request_guard();

-- What nobody decided on ends with the matter: granted later, it would move another deadline.
CREATE FUNCTION incident_ended() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    UPDATE extension_request
    SET decided_by = 'system', decided_at = NEW.stage_since, is_granted = false, opinion = '事件已结束'
    WHERE incident_id = NEW.id AND decided_by IS NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER incident_ended AFTER UPDATE OF status ON incident
    FOR EACH ROW WHEN (OLD.is_open AND NOT NEW.is_open) EXECUTE FUNCTION incident_ended();

CREATE FUNCTION appeal_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    of incident;
BEGIN
    IF current_user <> 'gridcommand_app' THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'INSERT' THEN
        SELECT * INTO of FROM incident WHERE id = NEW.incident_id;
        IF of.status <> 'closed' OR coalesce(of.resolved_at, of.closed_at) <= of.settle_by
            OR NEW.asked_by <> app_account() OR NEW.first_by IS NOT NULL OR NEW.second_by IS NOT NULL THEN
            RAISE EXCEPTION 'an appeal is against the lateness of a closed incident, in one''s own name'
                USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.first_by IS NULL AND NEW.first_by = app_account() AND NEW.second_by IS NULL THEN
        RETURN NEW;
    END IF;
    IF OLD.first_granted AND OLD.second_by IS NULL AND NEW.second_by = app_account()
        AND (NEW.first_by, NEW.first_at, NEW.first_granted, NEW.first_opinion)
            IS NOT DISTINCT FROM (OLD.first_by, OLD.first_at, OLD.first_granted, OLD.first_opinion) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'an appeal is reviewed by one after the other, in their own names' USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER appeal_guard BEFORE INSERT OR UPDATE ON appeal FOR EACH ROW EXECUTE FUNCTION appeal_guard();
