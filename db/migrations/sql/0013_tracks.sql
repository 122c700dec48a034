-- Where workers have been while on duty: positions thinned as they come in (`db.positions`), kept for some days
-- (`db.tracks.prune`, through the key). Without a foreign key: its check at every row would lock the worker's.
CREATE TABLE track_point (
	worker_id BIGINT NOT NULL,
	at TIMESTAMP WITH TIME ZONE NOT NULL,
	point geometry(POINT,4490) NOT NULL,
	CONSTRAINT pk_track_point PRIMARY KEY (worker_id, at)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);

-- Up to when the track is told: the last kept position, or the last change of duty. Nothing before it is kept any more.
ALTER TABLE responder ADD COLUMN tracked_until TIMESTAMP WITH TIME ZONE;

GRANT SELECT, INSERT ON track_point TO gridcommand_app;
GRANT UPDATE (tracked_until) ON responder TO gridcommand_app;
ALTER TABLE track_point ENABLE ROW LEVEL SECURITY;
CREATE POLICY track_point_read ON track_point FOR SELECT
    USING (app_reads_personal() AND EXISTS (SELECT FROM worker WHERE worker.id = track_point.worker_id));
CREATE POLICY track_point_add ON track_point FOR INSERT
    WITH CHECK (app_role() IN ('dispatcher', 'admin', 'system'));
