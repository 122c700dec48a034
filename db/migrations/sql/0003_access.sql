-- Who may see and write what. Sessions run as gridcommand_app and say who asks; see `db.session`.
DO $$
BEGIN
    CREATE ROLE gridcommand_app NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL; -- roles belong to the cluster: another database of it made this one
END $$;
DO $$
BEGIN
    IF NOT pg_has_role(current_user, 'gridcommand_app', 'MEMBER') THEN
        GRANT gridcommand_app TO CURRENT_USER;
    END IF;
END $$;

GRANT USAGE ON SCHEMA public, base, layer TO gridcommand_app;
GRANT CREATE ON SCHEMA layer TO gridcommand_app; -- it owns the views, so that policies hold for whoever reads them
GRANT SELECT ON ALL TABLES IN SCHEMA public, base TO gridcommand_app;
GRANT INSERT, UPDATE ON incident, assignment, responder, account, login_session, api_token TO gridcommand_app;
GRANT INSERT ON incident_step, recommendation TO gridcommand_app;
GRANT UPDATE ON device TO gridcommand_app;
GRANT DELETE ON login_session TO gridcommand_app;

-- Without a principal nothing is in scope.
CREATE FUNCTION app_role() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS
    $$ SELECT coalesce(current_setting('app.role', true), '') $$;
CREATE FUNCTION app_in_scope(code text) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS
    $$ SELECT app_role() <> '' AND starts_with(code, current_setting('app.grid_prefix', true)) $$;
CREATE FUNCTION app_reads_personal() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS
    $$ SELECT coalesce(current_setting('app.reads_personal', true), '') = 'true' $$;
CREATE FUNCTION app_reads_sensitive() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS
    $$ SELECT coalesce(current_setting('app.reads_sensitive', true), '') = 'true' $$;

ALTER TABLE incident ENABLE ROW LEVEL SECURITY;
CREATE POLICY incident_read ON incident FOR SELECT
    USING (app_in_scope(grid_code) AND (NOT is_sensitive OR app_reads_sensitive()));
CREATE POLICY incident_add ON incident FOR INSERT
    WITH CHECK (app_in_scope(grid_code) AND app_role() IN ('officer', 'dispatcher', 'admin', 'system'));
CREATE POLICY incident_change ON incident FOR UPDATE
    USING (app_in_scope(grid_code) AND app_role() IN ('officer', 'dispatcher', 'admin', 'system'));

-- What belongs to an incident is seen by whoever sees the incident.
ALTER TABLE incident_step ENABLE ROW LEVEL SECURITY;
CREATE POLICY incident_step_read ON incident_step FOR SELECT
    USING (EXISTS (SELECT FROM incident WHERE incident.id = incident_step.incident_id));
CREATE POLICY incident_step_add ON incident_step FOR INSERT
    WITH CHECK (EXISTS (SELECT FROM incident WHERE incident.id = incident_step.incident_id)
                AND app_role() IN ('officer', 'dispatcher', 'admin', 'system'));
ALTER TABLE assignment ENABLE ROW LEVEL SECURITY;
CREATE POLICY assignment_all ON assignment FOR SELECT
    USING (EXISTS (SELECT FROM incident WHERE incident.id = assignment.incident_id));
CREATE POLICY assignment_add ON assignment FOR INSERT
    WITH CHECK (EXISTS (SELECT FROM incident WHERE incident.id = assignment.incident_id)
                AND app_role() IN ('officer', 'dispatcher', 'admin', 'system'));
CREATE POLICY assignment_change ON assignment FOR UPDATE
    USING (EXISTS (SELECT FROM incident WHERE incident.id = assignment.incident_id)
           AND app_role() IN ('officer', 'dispatcher', 'admin', 'system'));
ALTER TABLE recommendation ENABLE ROW LEVEL SECURITY;
CREATE POLICY recommendation_read ON recommendation FOR SELECT
    USING (EXISTS (SELECT FROM incident WHERE incident.id = recommendation.incident_id));
CREATE POLICY recommendation_add ON recommendation FOR INSERT
    WITH CHECK (EXISTS (SELECT FROM incident WHERE incident.id = recommendation.incident_id)
                AND app_role() IN ('officer', 'dispatcher', 'admin', 'system'));

-- People. `responder` holds no name and stays open: a policy on it would keep the KNN's conditions out of its index.
-- Whatever shows a responder joins `worker`.
ALTER TABLE worker ENABLE ROW LEVEL SECURITY;
CREATE POLICY worker_read ON worker FOR SELECT USING (app_in_scope(grid_code));
ALTER TABLE household ENABLE ROW LEVEL SECURITY;
CREATE POLICY household_read ON household FOR SELECT
    USING (app_in_scope(grid_code) AND app_reads_personal() AND app_reads_sensitive());

-- Accounts are read by the login (system) and kept by administrators.
ALTER TABLE account ENABLE ROW LEVEL SECURITY;
CREATE POLICY account_all ON account USING (app_role() IN ('admin', 'system'));
ALTER TABLE login_session ENABLE ROW LEVEL SECURITY;
CREATE POLICY login_session_all ON login_session USING (app_role() IN ('admin', 'system'));
ALTER TABLE api_token ENABLE ROW LEVEL SECURITY;
CREATE POLICY api_token_all ON api_token USING (app_role() IN ('admin', 'system'));

-- The day's last number, whoever asks: numbers are handed out over all grids. `day` is their common beginning.
CREATE FUNCTION last_incident_number(day text) RETURNS int LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = public AS $$
    SELECT coalesce(max(right(no, -length(day))::int), 0) FROM incident WHERE no >= day AND no < day || ':'
$$;
