# One image for each service: docker build --build-arg SERVICE=trainer .   (or embedder, scorer)
# Another build of torch: --build-arg TORCH_INDEX_URL=https://download.pytorch.org/whl/cu130
FROM python:3.11-slim-bookworm AS build
ARG TORCH_INDEX_URL=https://download.pytorch.org/whl/cpu
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /source
COPY constraints.txt .
# The build tools stay in this stage's own Python, out of the environment that is shipped.
RUN pip install -c constraints.txt hatchling editables \
 && python -m venv /opt/hindcast \
 && /opt/hindcast/bin/pip install -c constraints.txt --extra-index-url "$TORCH_INDEX_URL" torch==2.13.0
COPY shared shared
ARG SERVICE
COPY services/${SERVICE} service
RUN pip wheel --no-deps --no-build-isolation --wheel-dir wheels ./shared ./service \
 && /opt/hindcast/bin/pip install -c constraints.txt wheels/*.whl

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /var/lib/hindcast hindcast \
 && install --directory --owner hindcast --group hindcast /var/lib/hindcast /var/lib/hindcast/artifacts \
    /var/lib/hindcast/uploads
COPY --from=build /opt/hindcast /opt/hindcast
COPY migrations /opt/hindcast/migrations
COPY dashboard /opt/hindcast/dashboard
ENV PATH=/opt/hindcast/bin:$PATH PYTHONUNBUFFERED=1 HINDCAST_HOME=/var/lib/hindcast \
    HINDCAST_DASHBOARD=/opt/hindcast/dashboard
WORKDIR /opt/hindcast
USER hindcast
