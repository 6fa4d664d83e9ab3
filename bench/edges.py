"""How far blended maps are off, at the border and inside, where the answer is known: a constant and a ramp through a function that gives its input back.

    python bench/edges.py [--methods ours,monai,toolbelt,geoai]

Sizes that no patch divides; patches of 256 px with half overlap, weights as each library has them by default for overlapping patches (geoai's
three are `geoai`, the default, `geoai_linear` and `geoai_cosine`). A pixel without a value counts as an error of 1.
"""
import argparse, tempfile, warnings; warnings.filterwarnings('ignore')
from pathlib import Path
ap = argparse.ArgumentParser(); ap.add_argument('--methods', default='ours,monai,toolbelt,geoai,geoai_linear,geoai_cosine'); A = ap.parse_args()
import numpy as np, rasterio, torch
SZ = 256

def ours(a):
    from aerialfast.prediction import predict_tile
    from aerialfast.rasters import Tile
    with tempfile.TemporaryDirectory() as d:
        with rasterio.open(f'{d}/a.tif', 'w', driver='GTiff', count=1, height=a.shape[0], width=a.shape[1], dtype='float32') as f: f.write(a[None])
        return Tile(predict_tile(lambda x: x, f'{d}/a.tif', f'{d}/b.tif', sz=SZ, outputs='probs')).raw(0, 0, *a.shape)[0]
def monai(a):
    from monai.inferers import sliding_window_inference
    return sliding_window_inference(torch.from_numpy(a)[None,None], (SZ,SZ), 1, lambda x: x.clone(), overlap=.5, mode='gaussian')[0,0].numpy()
def toolbelt(a):
    from pytorch_toolbelt.inference.tiles import ImageSlicer,TileMerger
    im = a[...,None]
    cut = ImageSlicer(im.shape, SZ, SZ//2, weight='pyramid'); out = TileMerger(cut.target_shape, 1, cut.weight)
    for tile,at in cut.iter_split(im): out.integrate_batch(torch.from_numpy(tile.transpose(2,0,1).copy())[None], [at])
    return cut.crop_to_orignal_size(out.merge().numpy().transpose(1,2,0))[...,0]
def geoai(a, mode='spline'):
    import importlib.util,sys,types
    home = Path(importlib.util.find_spec('geoai').origin).parent # its package imports far more than this file needs
    sys.modules['geoai'],sys.modules['geoai.utils'] = types.ModuleType('geoai'),types.SimpleNamespace(get_device=lambda: 'cpu')
    sys.modules['geoai'].__path__,sys.modules['geoai'].__spec__ = [str(home)],importlib.util.spec_from_file_location('geoai', home/'__init__.py')
    from geoai.inference import predict_geotiff
    with tempfile.TemporaryDirectory() as d:
        with rasterio.open(f'{d}/a.tif', 'w', driver='GTiff', count=1, height=a.shape[0], width=a.shape[1], dtype='float32') as f: f.write(a[None])
        predict_geotiff(torch.nn.Identity(), f'{d}/a.tif', f'{d}/b.tif', tile_size=SZ, overlap=SZ//2, blend_mode=mode, device='cpu', verbose=False, preprocess_fn=lambda x: x)
        with rasterio.open(f'{d}/b.tif') as f: b = f.read(1, masked=True)
    return b.filled(np.nan)
def geoai_linear(a): return geoai(a, 'linear')
def geoai_cosine(a): return geoai(a, 'cosine')

print('| raster | method | largest error inside | within 32 px of the border |\n|---|---|---|---|')
for h,w in ((1000,1530), (200,700)):
    rim = np.ones((h,w), bool); rim[32:-32, 32:-32] = False
    for name,a in dict(constant=np.full((h,w), .7, np.float32), ramp=(np.add.outer(np.arange(h), np.arange(w))/(h+w)).astype(np.float32)).items():
        for m in A.methods.split(','):
            try: e = np.nan_to_num(np.abs(globals()[m](a)-a), nan=1); print(f'| {name} {h} x {w} | {m} | {np.max(e[~rim]):.1e} | {np.max(e[rim]):.1e} |')
            except Exception as x: print(f'| {name} {h} x {w} | {m} | {type(x).__name__}: {str(x)[:60]} | |')
