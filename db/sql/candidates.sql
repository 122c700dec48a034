-- Responders by their ids as candidates, with everything that the rules and the desk ask of them.
SELECT w.id AS worker_id, w.code, mask_name(w.full_name) AS name, w.post, w.origin, w.grid_code, r.pool, r.on_duty,
    r.load, least(r.cap, :cap) AS cap, r.skills, r.positioned_at, r.idle_since, r.finished_at,
    ST_X(at.geom) AS lon, ST_Y(at.geom) AS lat, ST_X(r.point) AS x, ST_Y(r.point) AS y,
    ST_Distance(at.geom::geography, ST_SetSRID(ST_MakePoint(:lon, :lat), 4490)::geography) AS distance_m,
    ARRAY(
        SELECT g.code FROM grid AS g WHERE g.id = ANY (r.areas)
        ORDER BY array_position(ARRAY['building', 'quarter', 'community', 'street'], g.level)
    ) AS grid_chain
FROM worker AS w
JOIN responder AS r ON r.worker_id = w.id
CROSS JOIN LATERAL (SELECT ST_Transform(r.point, 4490) AS geom) AS at
WHERE w.id = ANY (CAST(:workers AS bigint[]))
